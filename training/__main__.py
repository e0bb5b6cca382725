"""
``python -m training --cache DIR --output DIR/swift``: all stages of the training, each skipped where it is done.

Pictures (1 GB to fetch), sample pool (8 min on two cores), predictor (10 min), transformer (``--hours``), export.
Options that are not listed go to ``training.train``.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import signal
import subprocess
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description='Train the swift networks from public pictures, resumable.',
                                     allow_abbrev=False)        # --style is an option of training.train
    parser.add_argument('--cache', type=Path, default=Path('training_output'), help='packages, pool, checkpoints')
    parser.add_argument('--output', type=Path, help='the model directory (default CACHE/swift)')
    parser.add_argument('--hours', type=float, default=3.0, help="length of the transformer's training, hours")
    parser.add_argument('--samples', type=int, default=14000, help='size of the sample pool')
    parser.add_argument('--styles', type=int, default=6000, help='style pictures of the sample pool')
    parser.add_argument('--pictures', type=int, default=40000,
                        help='style pictures for the predictor, of which 1500 only judge')
    parser.add_argument('--soften', type=float, default=0.0, help='blur the paintings, pixels (default 0: not at all)')
    options, rest = parser.parse_known_args()
    cache, output = options.cache, options.output or options.cache / 'swift'
    stages = ((cache / 'pool' / 'done', ['samples', '--count', str(options.samples), '--styles', str(options.styles)]),
              (cache / 'pooled.npy', ['predictor', '--count', str(options.pictures)]),
              (None, ['train', '--hours', str(options.hours), *rest]),
              (None, ['export', '--output', str(output), '--soften', str(options.soften)]))
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
