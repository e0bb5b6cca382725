# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""All measures of some painters on held-out pictures and videos, in one run."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from evaluation import held_out, lines, metrics
from evaluation.gram import gram_distance, Judge
from evaluation.painters import Painter, runtimes
from style_transfer_ros.engine.stream import PaintSettings, Stream

#: Grey values of the sensor's noise; frames counted, frames before them; the node's default of ``smoothing``.
_SIGMA, _FRAMES, _BEFORE, _SMOOTHING = 4.0, 12, 4, PaintSettings().smoothing
#: Photographs and styles for what takes many frames; frames of a video and their width, pixels.
_STILL_CONTENTS, _STYLES, _VIDEO_FRAMES, _VIDEO_WIDTH = 3, 8, 21, 384
#: Whole pixels that a picture is moved by, half of a network's stride of 4; what lies so far inside is compared.
_STEP, _INSIDE = 2, slice(32, -32)
#: The measures of ``report.json``, see ``__main__.py``; the painter that octaves are relative to.
MAIN = ('edge_agreement', 'edge_blobness', 'edge_width', 'gram_vgg', 'gram_resnet', 'histogram', 'octaves',
        'flicker_static', 'warping_error', 'identity_psnr', 'grid_amplitude', 'tiles')
REFERENCE = 'magenta'

Scores = dict[str, dict[str, list[Any]]]


def pair_measures(photograph: np.ndarray, style: np.ndarray, painting: np.ndarray,
                  style_grams: dict[str, list[np.ndarray]], judges: dict[str, Judge]) -> dict[str, float]:
    """
    Judge one painting.

    :param style_grams: what each of ``judges`` sees in the style picture.
    """
    return {'edge_agreement': lines.edge_agreement(photograph, painting),
            'edge_blobness': lines.edge_blobness(photograph, painting),
            'edge_width': lines.edge_width(photograph, painting),
            **{name: gram_distance(judge.grams(painting), style_grams[name]) for name, judge in judges.items()},
            'histogram': metrics.histogram_distance(painting, style),
            'grid_amplitude': metrics.grid_amplitude(painting), 'tiles': metrics.tiles(painting)}


def draw_pairs(pictures: held_out.HeldOut, count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Draw ``count`` pairs of a content and a style, in the order of the contents, as runtimes keep few frame sizes."""
    every = [(content, style) for content in pictures.contents for style in pictures.styles]
    return [every[n] for n in sorted(np.random.default_rng(seed).permutation(len(every))[:count])]


def rounded(value: float) -> float:
    """Keep four digits."""
    return float(f'{value:.4g}')


class Evaluation:
    """
    All measurements of some painters; ``scores[measure][painter]`` collects single values.

    :param judges: what compares styles, by the name of its measure: ``gram_vgg`` and ``gram_resnet``.
    """

    def __init__(self, painters: dict[str, Painter], pictures: held_out.HeldOut, judges: dict[str, Judge]) -> None:
        self.painters, self.pictures, self.judges = painters, pictures, judges
        self.vectors = {name: {style: painter.learn_style(picture) for style, picture in pictures.styles.items()}
                        for name, painter in painters.items()}
        self.scores: Scores = {}
        self.smoothed: Scores = {}
        self.rows: list[dict[str, Any]] = []

    def paint(self, painter: str, frame: np.ndarray, style: str, strength: float = 1.0) -> np.ndarray:
        """Paint with a held-out style."""
        return self.painters[painter].paint(frame, self.vectors[painter][style], strength=strength)

    def _score(self, measure: str, painter: str, value: Any) -> None:
        self.scores.setdefault(measure, {}).setdefault(painter, []).append(value)

    def pairs(self, count: int) -> None:
        """Judge paintings of ``count`` pairs, drawn so that every content and style has its share."""
        pictures = self.pictures.styles
        seen = {style: {name: judge.grams(picture) for name, judge in self.judges.items()}
                for style, picture in pictures.items()}
        for content, style in tqdm(draw_pairs(self.pictures, count), desc='paint pairs', unit='pair'):
            photograph = self.pictures.contents[content]
            row: dict[str, Any] = {'content': content, 'style': style}
            for name in self.painters:
                painting = self.paint(name, photograph, style)
                values = pair_measures(photograph, pictures[style], painting, seen[style], self.judges)
                more = {'border': metrics.border(painting, photograph), 'octaves': lines.octaves(painting),
                        'contrast': metrics.contrast(painting, pictures[style])}
                for measure, value in {**values, **more}.items():
                    self._score(measure, name, value)
                row[name] = {measure: rounded(value) for measure, value in values.items()}
            self.rows.append(row)

    def checkerboard(self) -> None:
        """Judge grids, over the paintings of all contents in one style each."""
        styles = list(self.pictures.styles)
        for name in tqdm(self.painters, desc='look for grids', unit='painter'):
            paintings = [self.paint(name, photograph, styles[n % len(styles)])
                         for n, photograph in enumerate(self.pictures.contents.values())]
            self._score('checkerboard', name, metrics.checkerboard(paintings))

    def shifted(self) -> None:
        """Judge whether paintings move with the camera's picture, in one style each."""
        styles = list(self.pictures.styles)
        for name in tqdm(self.painters, desc='move pictures', unit='painter'):
            for n, photograph in enumerate(self.pictures.contents.values()):
                first, second = (self.paint(name, part, styles[n % len(styles)])
                                 for part in (photograph[:-_STEP, :-_STEP], photograph[_STEP:, _STEP:]))
                apart = np.abs(first[_STEP:, _STEP:].astype(np.float32) - second[:-_STEP, :-_STEP])
                self._score('shift_error', name, float(apart[_INSIDE, _INSIDE].mean()))

    def identity(self) -> None:
        """Judge strength 0, and paintings of a flat grey."""
        style = next(iter(self.pictures.styles))
        grey = metrics.noisy(np.full((288, 384, 3), 128), 2.0, np.random.default_rng(0))
        for photograph in tqdm(self.pictures.contents.values(), desc='return photographs', unit='picture'):
            for name in self.painters:
                self._score('identity_psnr', name, metrics.psnr(self.paint(name, photograph, style, 0.0), photograph))
        for name in self.painters:
            for style in self.pictures.styles:
                painting = self.paint(name, grey, style)
                self._score('blotches', name, metrics.blotches(painting))
                self._score('border_on_grey', name, metrics.border(painting, grey))

    def _painted(self, frames: list[np.ndarray], bar: tqdm) -> Iterator[tuple[str, list, list]]:
        """Paint successive frames in a few styles; yield painter, paintings and smoothed paintings."""
        for name in self.painters:
            for style in list(self.pictures.styles)[:_STYLES]:
                paintings = [self.paint(name, frame, style) for frame in frames]
                stream, one_style = Stream(None), np.zeros(1)       # a stream of its own for each style
                yield name, paintings, [stream.smooth(*pair, one_style, PaintSettings(smoothing=_SMOOTHING))
                                        for pair in zip(frames, paintings)]
                bar.update()

    def _score_both(self, measure: str, name: str, plain: float, smooth: float) -> None:
        self._score(measure, name, plain)
        self.smoothed.setdefault(measure, {}).setdefault(name, []).append(smooth)

    def still(self) -> None:
        """Judge flicker on photographs with the noise of a sensor."""
        rng, contents = np.random.default_rng(0), list(self.pictures.contents.values())
        photographs = contents[::max(1, len(contents) // _STILL_CONTENTS)][:_STILL_CONTENTS]
        total = len(photographs) * len(self.painters) * min(_STYLES, len(self.pictures.styles))
        with tqdm(total=total, desc='paint still scenes', unit='scene') as bar:
            for photograph in photographs:
                frames = [metrics.noisy(photograph, _SIGMA, rng) for _ in range(_BEFORE + _FRAMES)]
                for name, paintings, smoothed in self._painted(frames, bar):
                    self._score_both('flicker_static', name, metrics.flicker(paintings[_BEFORE:]),
                                     metrics.flicker(smoothed[_BEFORE:]))

    def moving(self) -> None:
        """Judge how paintings follow the motion in real videos."""
        total = len(self.pictures.videos) * len(self.painters) * min(_STYLES, len(self.pictures.styles))
        with tqdm(total=total, desc='paint videos', unit='clip') as bar:
            for path in self.pictures.videos:
                frames = held_out.clip(path, _VIDEO_FRAMES, _VIDEO_WIDTH)
                motions = [metrics.motion(*pair) for pair in zip(frames, frames[1:])]
                for name, paintings, smoothed in self._painted(frames, bar):
                    plain, smooth = (np.mean([metrics.warping_error(before, now, *moved) for before, now, moved
                                              in zip(clip, clip[1:], motions)]) for clip in (paintings, smoothed))
                    self._score_both('warping_error', name, float(plain), float(smooth))

    def run(self, pairs: int) -> dict[str, Any]:
        """Measure everything and return the report."""
        self.pairs(pairs)
        self.checkerboard()
        self.shifted()
        self.identity()
        self.still()
        self.moving()
        return self.report()

    def report(self) -> dict[str, Any]:
        """Return the means by measure and painter."""
        def means(scores: Scores) -> dict[str, dict[str, Any]]:
            return {measure: {name: np.mean(values, 0) for name, values in by_painter.items()}
                    for measure, by_painter in scores.items()}

        def plain(found: dict[str, Any]) -> dict[str, Any]:
            return {measure: {name: [rounded(x) for x in value] if np.ndim(value) else rounded(value)
                              for name, value in by_painter.items()} for measure, by_painter in found.items()}
        found = means(self.scores)
        found['octaves'] = {name: value / found['octaves'][REFERENCE] for name, value in found['octaves'].items()}
        found = plain(found)
        main = {measure: found.pop(measure) for measure in MAIN if measure in found}
        return {**main, 'with_smoothing': {'smoothing': _SMOOTHING, **plain(means(self.smoothed))}, 'more': found,
                'runtimes': runtimes(self.painters), 'contents': list(self.pictures.contents),
                'styles': list(self.pictures.styles), 'videos': [path.name for path in self.pictures.videos],
                'pairs': self.rows}
