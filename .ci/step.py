# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Run a long command as one line: a sentence, a bar and the seconds; its whole output only if it fails.

``python3 .ci/step.py 'Build the messages' cmake --build build``.  The bar fills where the command counts its steps as
ninja does, ``[3/42]``; elsewhere it moves.  Standard library only: it runs before anything is installed.
"""
import re
import subprocess
import sys
import threading
import time

COUNT = re.compile(r'^\[(\d+)/(\d+)\]')
WIDTH = 24  # of the bar, characters


def bar(line: str, seconds: float) -> str:
    """Draw how far the command is, by its latest line, or a block that wanders with the seconds."""
    count = COUNT.match(line)
    if count:
        done = WIDTH * int(count[1]) // max(1, int(count[2]))
        return '#' * done + '-' * (WIDTH - done)
    place = int(4 * seconds) % WIDTH
    return '-' * place + '#' + '-' * (WIDTH - 1 - place)


def run(sentence: str, command: list) -> int:
    """Run the command, drawing on a terminal and writing one plain line elsewhere; return its exit status."""
    live = sys.stdout.isatty()
    lines = ['']
    start = time.monotonic()
    print(sentence, end=' ', flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace') as process:
        reader = threading.Thread(target=lambda: [lines.append(line) for line in process.stdout], daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(0.25)
            if live:
                seconds = time.monotonic() - start
                note = lines[-1].strip()[:max(0, 74 - len(sentence) - WIDTH)]
                print(f'\r\033[K{sentence} [{bar(lines[-1], seconds)}] {seconds:3.0f} s {note}', end='', flush=True)
    outcome = 'failed after' if process.returncode else 'took'
    print(f'\r\033[K{sentence}' if live else '...', outcome, f'{time.monotonic() - start:.0f} s', flush=True)
    if process.returncode:
        print(''.join(lines), file=sys.stderr)
    return process.returncode


if __name__ == '__main__':
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
