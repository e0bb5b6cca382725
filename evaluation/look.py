# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
A blind look: ``python -m evaluation.look --microast DIR`` leaves ``look_output/`` for a person with fresh eyes.

Each ``sheet_NN.png`` shows a photograph, a style picture and what every network painted of them, in shuffled order
under letters.  Rank the letters of each sheet in ``ranks.yaml``, best first: ``wall`` (which would you hang on the
wall?) and ``scene`` (in which do you recognise the scene?)::

    1: {wall: [B, A, D, C], scene: [A, B, C, D]}
    2: ...

Do not open ``key.json``, which says whose letters they are, before.  Then ``python -m evaluation.look --ranks
ranks.yaml`` prints who is preferred to whom in how many pairs, and for each measure in how many of all choices between
two paintings it agrees with the person (half of them by chance).
"""
from __future__ import annotations

from itertools import combinations
import json
from pathlib import Path
import string
import sys
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm
import yaml

from evaluation import held_out, painters
from evaluation.__main__ import judges, parser
from evaluation.evaluation import draw_pairs, pair_measures, rounded
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.pictures import encode_png
from style_transfer_ros.tools.gallery import contact_sheet

QUESTIONS = ('wall', 'scene')
#: Measures of which more is better.
_HIGHER = ('edge_agreement',)
#: Height of a picture and of the title above it, pixels; cells in a row.
_CELL, _TITLE, _COLUMNS = 384, 26, 3


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    """Reduce or enlarge a picture to the height of a cell and write its title above it."""
    width = round(picture.shape[1] * _CELL / picture.shape[0])
    cell = np.full((_CELL + _TITLE, width, 3), 255, np.uint8)
    cell[_TITLE:] = cv2.resize(picture, (width, _CELL), interpolation=cv2.INTER_AREA)
    return cv2.putText(cell, title, (2, _TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)


def make(networks: dict[str, painters.Painter], pictures: held_out.HeldOut, cache: Path, count: int, seed: int,
         output: Path) -> None:
    """Write ``count`` sheets and the key."""
    rng, key, seeing = np.random.default_rng(seed), {}, judges(cache)
    networks = {name: painter for name, painter in networks.items() if name != painters.PHOTOGRAPH}
    output.mkdir(parents=True, exist_ok=True)
    for number, (content, style) in enumerate(tqdm(draw_pairs(pictures, count, seed), unit='sheet'), 1):
        photograph, picture = pictures.contents[content], pictures.styles[style]
        grams, cells, entry = {name: judge.grams(picture) for name, judge in seeing.items()}, [], {}
        for letter, n in zip(string.ascii_uppercase, rng.permutation(len(networks))):
            name = list(networks)[n]
            painting = networks[name].paint(photograph, networks[name].learn_style(picture))
            values = pair_measures(photograph, picture, painting, grams, seeing)
            entry[letter] = {'network': name, **{measure: rounded(value) for measure, value in values.items()}}
            cells.append((letter, painting))
        cells = [('photograph', photograph), ('style', picture), *cells]
        titled = [_titled(cell, title) for title, cell in cells]
        rows = [titled[n:n + _COLUMNS] for n in range(0, len(titled), _COLUMNS)]
        sheet = contact_sheet(rows, height=titled[0].shape[0])
        (output / f'sheet_{number:02}.png').write_bytes(encode_png(sheet))
        key[number] = {'content': content, 'style': style, 'letters': entry}
    (output / 'key.json').write_text(json.dumps(key, indent=1) + '\n', encoding='utf-8')


def agreement(key: dict[str, Any], ranks: dict[int, dict[str, list[str]]]) -> dict[str, Any]:
    """
    Compare ranks with the key.

    :param key: the contents of ``key.json``.
    :param ranks: letters by sheet and question, best first.
    :returns: by question ``preferred`` (``{better: {worse: share of the sheets}}``), ``mean_rank`` (1 is best),
        ``last`` (sheets in which a network is last) and ``measures`` (share of choices that each agrees with).
    :raises StyleTransferError: a sheet has other letters.
    """
    found: dict[str, Any] = {}
    for question in QUESTIONS:
        wins: dict[str, dict[str, list[float]]] = {}
        places: dict[str, list[int]] = {}
        last: dict[str, int] = {}
        right: dict[str, list[float]] = {}
        for number, answers in ranks.items():
            letters, order = key[str(number)]['letters'], answers[question]
            if sorted(order) != sorted(letters):
                raise StyleTransferError(f"Sheet {number} has the letters {', '.join(letters)}, '{question}' ranks "
                                         f"{', '.join(map(str, order))}; rank each letter once.")
            for place, letter in enumerate(order, 1):
                places.setdefault(letters[letter]['network'], []).append(place)
            last[letters[order[-1]]['network']] = last.get(letters[order[-1]]['network'], 0) + 1
            for better, worse in combinations((letters[letter] for letter in order), 2):
                wins.setdefault(better['network'], {}).setdefault(worse['network'], []).append(1.0)
                wins.setdefault(worse['network'], {}).setdefault(better['network'], []).append(0.0)
                for measure in (name for name in better if name != 'network'):
                    less = better[measure] < worse[measure]
                    right.setdefault(measure, []).append(float(less != (measure in _HIGHER)))
        found[question] = {
            'preferred': {name: {other: rounded(float(np.mean(shares))) for other, shares in others.items()}
                          for name, others in wins.items()},
            'mean_rank': {name: rounded(float(np.mean(values))) for name, values in places.items()}, 'last': last,
            'measures': {measure: rounded(float(np.mean(values))) for measure, values in right.items()}}
    return found


def main(arguments: list[str] | None = None) -> None:
    """Make the sheets, or read the ranks."""
    options_parser = parser('Make sheets for a blind look, or read the ranks of one.', 'look_output', 24)
    options_parser.add_argument('--former', help='another model to show, such as the version before: a directory')
    options_parser.add_argument('--seed', type=int, default=1, help='of the pairs and the order on the sheets')
    options_parser.add_argument('--ranks', type=Path, help='ranks to compare with the key in --output')
    options = options_parser.parse_args(arguments)
    try:
        if options.ranks:
            key = json.loads((options.output / 'key.json').read_text(encoding='utf-8'))
            found = agreement(key, yaml.safe_load(options.ranks.read_text(encoding='utf-8')))
            (options.output / 'agreement.json').write_text(json.dumps(found, indent=1) + '\n', encoding='utf-8')
            print(yaml.safe_dump(found, sort_keys=False))
            return
        models = {'swift': options.swift, 'fine': options.fine}
        if options.former:
            models['former'] = options.former
        make(painters.load(models, options.microast), held_out.gather(options.cache, options.heldout), options.cache,
             options.pairs, options.seed, options.output)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    print(f"Wrote {options.pairs} sheets and key.json to '{options.output}'.")


if __name__ == '__main__':
    main()
