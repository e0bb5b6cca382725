# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Contact sheets, table and plot of an evaluation: numbers do not show everything, so look at the sheets."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from evaluation.evaluation import Evaluation, MAIN, REFERENCE
from evaluation.metrics import noisy
from evaluation.painters import PHOTOGRAPH
from style_transfer_ros.tools.gallery import contact_sheet

_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Pairs on the sheet of pairs; side of the crops that are shown pixel by pixel.
_PAIRS, _CROP = 10, 256


def _flat_pictures() -> dict[str, np.ndarray]:
    """Draw what networks with instance norms find hard: areas without structure, with a little noise of a sensor."""
    height, width = 288, 384
    down, right = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    sky = np.array([70, 120, 200]) * (1 - down) + np.array([200, 215, 230]) * down + 0 * right
    sky[height * 3 // 4:] = (60, 70, 40)
    wall = np.full((height, width, 3), 205.0)
    wall[90:200, 150:230] = (150, 60, 40)
    flats = {'grey': np.full((height, width, 3), 128.0), 'gradient': 255 * right + 0 * down + np.zeros(3), 'sky': sky,
             'wall': wall}
    rng = np.random.default_rng(0)
    return {name: noisy(picture, 1.5, rng) for name, picture in flats.items()}


def _corner_and_middle(picture: np.ndarray) -> list[np.ndarray]:
    y, x = (max(0, (side - _CROP) // 2) for side in picture.shape[:2])
    return [picture[:_CROP, :_CROP], picture[y:y + _CROP, x:x + _CROP]]


def draw(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Paint the sheets: pairs, strengths, mixtures, flat areas, and crops pixel by pixel with the border."""
    contents, styles = evaluation.pictures.contents, evaluation.pictures.styles
    names = [name for name in evaluation.painters if name != PHOTOGRAPH]
    ours = [name for name in names if hasattr(evaluation.painters[name], 'mix')]
    titles, some = list(styles), list(contents)
    pairs = [(some[n % len(some)], titles[(n + n // len(some)) % len(titles)]) for n in range(_PAIRS)]
    first, last, photograph = titles[0], titles[-1], contents[some[0]]
    flats, crops = [], []
    for style in titles[:3]:
        flats += [[styles[style], flat, *(evaluation.paint(name, flat, style) for name in names)]
                  for flat in _flat_pictures().values()]
    for content, style in pairs[:4]:
        columns = [_corner_and_middle(contents[content]),
                   *(_corner_and_middle(evaluation.paint(name, contents[content], style)) for name in names)]
        crops += [list(row) for row in zip(*columns)]

    def mixed(name: str, share: float) -> np.ndarray:
        painter, vectors = evaluation.painters[name], evaluation.vectors[name]
        return painter.paint(photograph, (1 - share) * vectors[first] + share * vectors[last])
    return {
        'pairs': contact_sheet([[contents[content], styles[style], *(evaluation.paint(n, contents[content], style)
                                                                     for n in names)] for content, style in pairs],
                               ['content', 'style', *names], 288),
        'strength': contact_sheet([[photograph, *(evaluation.paint(name, photograph, first, r) for r in _STEPS)]
                                   for name in names], ['photograph', *map(str, _STEPS)], 288),
        'mixing': contact_sheet([[styles[first], *(mixed(name, share) for share in _STEPS), styles[last]]
                                 for name in ours], [first, *map(str, _STEPS), last], 288),
        'flat': contact_sheet(flats, ['style', 'flat', *names], 216),
        'crops': contact_sheet(crops, ['photograph', *names], _CROP)}


def table(report: dict[str, Any]) -> str:
    """Write the measures as a Markdown table, smoothed ones and the others below."""
    measures = [measure for measure in MAIN if measure in report]
    names = list(report[measures[0]])

    def cell(value: Any) -> str:
        return ' '.join(f'{x:.2f}' for x in value) if isinstance(value, list) else f'{value:.4g}'

    def rows(title: str, found: dict[str, Any]) -> list[str]:
        return [f'| {title}{measure} | ' + ' | '.join(cell(values[name]) for name in names) + ' |'
                for measure, values in found.items() if isinstance(values, dict)]
    smoothing = report['with_smoothing']
    return '\n'.join([
        f"| measure | {' | '.join(names)} |", '|' + ' --- |' * (len(names) + 1),
        *rows('', {measure: report[measure] for measure in measures}),
        *rows(f"smoothing {smoothing['smoothing']}: ", smoothing), *rows('more: ', report['more'])]) + '\n'


def plot(report: dict[str, Any], path: Path) -> None:
    """Draw the measures relative to magenta's, and style against lines of every pair, as a PNG."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, (bars, points) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout='constrained')
    measures = [measure for measure in MAIN if measure in report and measure != 'octaves']
    names = [name for name in report[measures[0]] if name != PHOTOGRAPH]
    width, style = 0.8 / len(names), next((m for m in measures if m.startswith('gram')), 'histogram')
    for n, name in enumerate(names):
        relative = [report[measure][name] / (report[measure][REFERENCE] or 1) for measure in measures]
        bars.bar(np.arange(len(measures)) + (n - (len(names) - 1) / 2) * width, relative, width, label=name)
        points.scatter([row[name][style] for row in report['pairs']],
                       [row[name]['edge_agreement'] for row in report['pairs']], s=14, alpha=0.6, label=name)
    bars.axhline(1, color='grey', linewidth=0.8)
    bars.set_xticks(np.arange(len(measures)), measures, rotation=30, ha='right')
    bars.set(yscale='log', ylabel=f'relative to {REFERENCE}',
             title='lower is better, but for edge_agreement and identity_psnr')
    bars.legend()
    points.set(xlabel=f'{style}, lower is nearer to the style', ylabel='edge_agreement, higher keeps more lines',
               title='every pair')
    points.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
