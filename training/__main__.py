# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
``python -m training --cache DIR``: all stages of the training, each skipped where it is done.

Pictures (1 GB to fetch), sample pool (10 min on two cores), ends of swift (30 min), transformer (``--hours``), export.
The teacher is magenta, or MicroAST (EndyWon/MicroAST on GitHub, MIT licence) where ``--teacher`` names the folder with
its files ``content_encoder``, ``style_encoder``, ``modulator`` and ``decoder``, each ``_iter_160000.pth.tar``.  Options
that are not listed go to ``training.train_transformer``.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import signal
import subprocess
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description='Train our networks from public pictures, resumable.',
                                     allow_abbrev=False)        # --style is an option of train_transformer
    parser.add_argument('--cache', type=Path, default=Path('training_output'), help='packages, pool, checkpoints')
    parser.add_argument('--architecture', choices=('swift', 'fine'), default='swift', help='size of the network')
    parser.add_argument('--output', type=Path, help='the model directory (default CACHE/ARCHITECTURE)')
    parser.add_argument('--teacher', type=Path,
                        help="folder with MicroAST's four weight files (github.com/EndyWon/MicroAST); without: magenta")
    parser.add_argument('--start', default='magenta', help="model to go on from; 'magenta': begin anew")
    parser.add_argument('--samples', type=int, default=14000, help='size of the sample pool')
    parser.add_argument('--styles', type=int, default=6000, help='style pictures of the sample pool')
    options, rest = parser.parse_known_args()
    cache, output = options.cache, options.output or options.cache / options.architecture
    teacher = ['--teacher', str(options.teacher)] if options.teacher else []
    stages: list[tuple[Path | None, list[str]]] = [
        (cache / 'pool' / 'done',
         ['pool', '--count', str(options.samples), '--styles', str(options.styles), *teacher])]
    if options.start == 'magenta' and options.architecture == 'swift':
        stages.append((cache / 'ends.npz', ['train_ends']))
    size = ['--architecture', options.architecture]
    stages += [(None, ['train_transformer', *size, '--start', options.start, *rest]),
               (None, ['export', *size, '--output', str(output)])]
    # a stage has a session of its own, so that signals come to us alone; we end it and say how to go on
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:          # nohup ignores SIGHUP
            signal.signal(number, signal.default_int_handler)
    for done, (module, *arguments) in stages:
        if done is None or not done.exists():
            try:
                subprocess.run([sys.executable, '-m', f'training.{module}', '--cache', str(cache), *arguments],
                               check=True, start_new_session=True)
            except subprocess.CalledProcessError:
                sys.exit(f"The stage '{module}' failed, see above; the same command goes on from there.")
            except KeyboardInterrupt:
                sys.exit(f"Stopped in the stage '{module}'; the same command goes on from there.")


if __name__ == '__main__':
    main()
