"""Run programs under strace, which sees every packet and file of Python and of the C++ libraries."""
from __future__ import annotations

from collections.abc import Sequence
import ipaddress
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

_SENDING = 'connect,sendto,sendmsg,sendmmsg'
_WRITING = 'open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat'
_ADDRESS = re.compile(r'sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6?, "|'
                      r'sin6_addr=in6addr_)([0-9a-f.:]+|loopback|any)')
#: A call with the folder of its descriptor, which -y shows, and the last path that it names.
_CALL = re.compile(r'\b(?P<call>[a-z0-9]+)\((?:.*, )?(?:[A-Z0-9_]+<(?P<folder>/[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"'
                   r'(?:, (?P<flags>[A-Z_|0-9]+))?')
#: How DDS finds the other processes of this machine, also where it is told to stay on it.
_DISCOVERY = ipaddress.ip_address('239.255.0.1')


def works() -> bool:
    """Tell whether strace may trace here."""
    return bool(shutil.which('strace')) and subprocess.run(
        ['strace', '-qq', '-o', '/dev/null', 'true'], capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not works(), reason='strace is not installed or may not trace; it watches sockets '
                                                      'and files: sudo apt install strace')


def own_addresses() -> set:
    """Return the addresses of this machine."""
    text = Path('/proc/net/fib_trie').read_text(encoding='ascii')
    return {ipaddress.ip_address(found) for found in re.findall(r'-- ([0-9.]+)\n\s+/32 host LOCAL', text)}


class Traced:
    """
    A program under strace, with a home folder of its own and without the variables by which CI silences libraries.

    :param arguments: of Python.
    :param folder: for the home folder and the trace.
    """

    def __init__(self, arguments: Sequence[str | Path], folder: Path, **environment: str) -> None:
        self.home = folder / 'home'
        self.home.mkdir(exist_ok=True)
        self._trace = folder / f'trace_{len(list(folder.iterdir()))}'
        kept = {k: v for k, v in os.environ.items()
                if k != 'CI' and not k.startswith(('ORT_', 'OPENVINO', 'XDG_', 'ROS_LOG_DIR', 'DO_NOT_TRACK'))}
        # -D: strace is the child, so that signals reach the program
        command = ['strace', '-D', '-f', '-qq', '-y', '-s', '4096', '-e', 'signal=none',
                   '-e', f'trace={_SENDING},{_WRITING}', '-o', self._trace, sys.executable, *arguments]
        kept |= {'HOME': str(self.home), 'PYTHONDONTWRITEBYTECODE': '1', **environment}
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env=kept)
        self._folder = folder

    def finish(self, seconds: float = 100.0, number: int | None = None) -> str:
        """Wait for the end, after a signal if one is given; return what was printed."""
        if number is not None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=seconds)[0]
        assert self.process.returncode == 0, said
        return said

    def _lines(self) -> list[str]:
        return self._trace.read_text(encoding='utf-8', errors='replace').splitlines()

    def packets(self) -> list[str]:
        """Return the calls that reach or look up another machine."""
        here = own_addresses()

        def is_foreign(port: str, address: str) -> bool:
            if address in ('loopback', 'any'):
                return False
            there = ipaddress.ip_address(address)
            return port == '53' or not (there.is_loopback or there in here or there == _DISCOVERY
                                        or there.is_unspecified)
        return [line for line in self._lines() if any(is_foreign(*found) for found in _ADDRESS.findall(line))]

    def written(self) -> set[Path]:
        """Return the files and folders that were made or opened for writing, but for those of the kernel."""
        paths = set()
        for line in self._lines():
            call = _CALL.search(line)
            if call is None or ' = -1 ' in line or call['call'] not in _WRITING.split(','):
                continue
            if call['call'] not in ('open', 'openat') or re.search('O_WRONLY|O_RDWR|O_CREAT', call['flags'] or ''):
                paths.add(os.path.normpath(self._folder / (call['folder'] or '') / call['path']))
        return {Path(path) for path in paths if not path.startswith(('/dev/', '/proc/', '/sys/'))}
