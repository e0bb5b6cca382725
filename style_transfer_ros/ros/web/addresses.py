# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The names and addresses under which this machine is reached, and the folder that the page keeps its secrets in."""
from __future__ import annotations

import fcntl
import ipaddress
import json
from pathlib import Path
import secrets
import socket
import struct

import platformdirs

from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.ros.web.gate import ROLES

_SIOCGIFADDR = 0x8915       # Linux: the IPv4 address of an interface
ANY = ('0.0.0.0', '::')


def own_addresses() -> list[str]:
    """Return the addresses of all interfaces that are up, loopback last; IPv6 without link-local ones."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack('256s', name.encode()[:15]))
            except OSError:             # no IPv4 there
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    table = Path('/proc/net/if_inet6')
    for line in table.read_text(encoding='ascii').splitlines() if table.is_file() else ():
        digits, _, _, scope, *_ = line.split()
        if scope in ('00', '10'):       # global, loopback
            found.append(str(ipaddress.IPv6Address(bytes.fromhex(digits))))
    return sorted(dict.fromkeys(found), key=lambda address: (ipaddress.ip_address(address).is_loopback, ':' in address))


def reached_by(listen: str) -> list[str]:
    """
    Return the hosts of the links to a server that listens on ``listen``, the best for people first.

    :param listen: an address or a name of this machine; 0.0.0.0 or ``::`` means all of them.
    """
    if not is_open(listen):
        return [listen, *(name for name in ('127.0.0.1', 'localhost') if name != listen)]
    name = socket.gethostname()
    names = [name, *([] if '.' in name else [f'{name}.local'])]
    if listen in ANY:
        return [*(a for a in own_addresses() if listen == '::' or ':' not in a), *names, 'localhost']
    return [listen, *(known for known in names if known != listen)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(listen: str) -> bool:
    """Tell whether other machines can reach a server that listens there."""
    return listen != 'localhost' and not _is_loopback(listen)


def bracketed(host: str) -> str:
    """Write a host as URLs do."""
    return f'[{host}]' if ':' in host else host


def page_folder() -> Path:
    """
    Return the folder of the page's secrets, certificate and recordings, for this user alone; make it if need be.

    :raises OSError: it cannot be made.
    """
    folder = platformdirs.user_data_path('style_transfer_ros') / 'page'
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def write_secret(path: Path, data: bytes, anew: bool = False) -> None:
    """
    Write a file that only this user can read, whole or not at all.

    :param anew: replace nothing.
    :raises FileExistsError: it is there and nothing is to be replaced.
    :raises OSError: it cannot be written.
    """
    with replacing(path, 0o600, anew) as file:
        file.write(data)


def load_tokens() -> dict[str, str]:
    """
    Return the token of each role; made once and kept, so that a link stays valid when the page is started again.

    :raises OSError: they can be neither read nor kept.
    """
    path, damaged = page_folder() / 'tokens.json', True
    try:
        kept = json.loads(path.read_text(encoding='utf-8'))
        if all(len(kept[role]) >= 32 for role in ROLES):
            return {role: str(kept[role]) for role in ROLES}
    except FileNotFoundError:
        damaged = False
    except (ValueError, KeyError, TypeError):
        pass
    tokens = new_tokens()
    try:
        write_secret(path, json.dumps(tokens).encode(), anew=not damaged)
    except FileExistsError:             # another page has started in the same moment: its tokens are everybody's
        return load_tokens()
    return tokens


def new_tokens() -> dict[str, str]:
    """Make a token of 192 random bits for each role."""
    return {role: secrets.token_urlsafe(24) for role in ROLES}
