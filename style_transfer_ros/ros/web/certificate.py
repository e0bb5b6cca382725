# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A certificate of one's own: browsers hand out the camera only over HTTPS, and a robot has no public name."""
from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from style_transfer_ros.ros.web.addresses import write_secret

#: Browsers refuse certificates that are valid for longer, days.
_VALID = 397


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _fits(path: Path, hosts: list[str]) -> bool:
    """Tell whether the kept certificate names all hosts and is valid for another week."""
    try:
        kept = x509.load_pem_x509_certificate(path.read_bytes())
        names = set(kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    week = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=7)
    return names >= {_general_name(host) for host in hosts} and kept.not_valid_after_utc > week


def _make(path: Path, hosts: list[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'style_transfer_ros page')])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=_VALID - 1))
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256()))
    write_secret(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption())
                 + certificate.public_bytes(serialization.Encoding.PEM))


def server_context(folder: Path, hosts: list[str]) -> tuple[ssl.SSLContext, str]:
    """
    Return the TLS side of the server and the fingerprint that a browser shows, SHA-256 in hex.

    :param folder: keeps key and certificate in one file, which is made again when a host is new or time runs out.
    :param hosts: names and addresses that the certificate is for.
    :raises OSError: it cannot be kept.
    """
    path = folder / 'certificate.pem'
    if not _fits(path, hosts):
        _make(path, hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    fingerprint = x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256())
    return context, fingerprint.hex(':').upper()
