"""
The sample pool: content crops, style vectors and the teacher's paintings, made once, trained on many times.

The teacher costs more than the student's training step, so its paintings are kept on disk and every visit of a sample
sees them under a new flip, warp and noise.  ``python -m training.samples --cache DIR --count N`` makes the pool.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys
import tempfile

import cv2
import numpy as np
import onnx
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks, onnx_ops
from style_transfer_ros.engine.errors import StyleTransferError
from training.pictures import gather, Pictures

#: Height and width of contents, paintings and style pictures, pixels.
SIZE = 256
#: A quarter of the samples have the style of one picture.  The others have its distance from the mean of all styles
#: times a number between these, plus that of another picture times a normal number of this deviation: few pictures then
#: make many styles, also such as lie near the mean, as those of most paintings do.
_NEARER, _OTHER = (0.4, 1.1), 0.35


def random_crop(pictures: list, rng: np.random.Generator, smallest: float, size: int = SIZE) -> np.ndarray:
    """
    Cut a random square of a random picture, size x size RGB uint8; crops without texture are drawn again.

    :param smallest: side of the smallest square as a share of the picture's shorter side.
    """
    while True:
        picture = pictures[rng.integers(len(pictures))]
        h, w = picture.shape[:2]
        side = max(min(h, w, 160), int(min(h, w) * rng.uniform(smallest, 1)))
        y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
        crop = cv2.resize(picture[y:y + side, x:x + side], (size, size),
                          interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
        if crop.std((0, 1)).max() > 12:         # instance norms of flat crops make gradients overflow
            return crop


def recoloured(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift hue, saturation, contrast and brightness at random, sometimes invert: more palettes than we have."""
    if rng.random() < 0.15:
        picture = 255 - picture
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.float32)
    if rng.random() < 0.6:
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.8), 0, 255)
    picture = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    mean = picture.mean()
    return np.clip((picture - mean) * rng.uniform(0.7, 1.4) + mean * rng.uniform(0.75, 1.2), 0, 255).astype(np.uint8)


def brush_strokes(rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """Draw a painting-like texture: strokes that follow a smooth field of directions, in a random palette."""
    palette = rng.integers(0, 256, (rng.integers(3, 8), 3))
    canvas = np.full((size, size, 3), palette[0], np.uint8)
    field, tones = (cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
                    for coarse in (rng.uniform(-np.pi, np.pi, (4, 4)), rng.random((5, 5))))
    length, width = rng.uniform(4, 40), int(rng.integers(1, 9))
    for x, y in rng.integers(0, size, (rng.integers(300, 1500), 2)):
        colour = palette[int(np.clip(tones[y, x] * len(palette) + rng.normal(0, 0.7), 0, len(palette) - 1))]
        colour = np.clip(colour + rng.normal(0, 14, 3), 0, 255)
        step = (np.array([np.cos(field[y, x]), np.sin(field[y, x])]) * length / 2).astype(int)
        cv2.line(canvas, (int(x - step[0]), int(y - step[1])), (int(x + step[0]), int(y + step[1])),
                 [int(c) for c in colour], width, cv2.LINE_AA)
    return canvas


def style_picture(pictures: Pictures, rng: np.random.Generator) -> np.ndarray:
    """Draw one style picture, 256x256 RGB uint8."""
    if rng.random() < 0.1:
        return brush_strokes(rng)
    painted = rng.random() < 0.5
    crop = random_crop(pictures.paintings if painted else pictures.all, rng, 0.35)
    return recoloured(crop, rng) if rng.random() < (0.4 if painted else 0.7) else crop


class Teacher:
    """
    The float Magenta pair, run by OpenVINO, which is the fastest runtime of it on CPUs.

    :param size: height and width of its contents, pixels.
    """

    def __init__(self, size: int = SIZE) -> None:
        import openvino
        core, folder = openvino.Core(), Path(tempfile.mkdtemp())
        onnx.save(onnx_ops.transformer_model(networks.magenta_transformer, magenta.transformer_weights()),
                  folder / 'transformer.onnx')
        onnx.save(onnx_ops.predictor_model(networks.magenta_predictor, magenta.predictor_weights()),
                  folder / 'predictor.onnx')
        transformer = core.read_model(folder / 'transformer.onnx')
        transformer.reshape({'frame': [1, size, size, 3], 'style_vector': [1, 100]})
        exact = {'INFERENCE_PRECISION_HINT': 'f32'}
        self._transformer = core.compile_model(transformer, 'CPU', exact)
        self._predictor = core.compile_model(core.read_model(folder / 'predictor.onnx'), 'CPU', exact)

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """256x256 RGB uint8 -> style vector (100,) float32."""
        return self._predictor([picture[None]])[0][0].copy()

    def paint(self, content: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """RGB uint8 (size, size, 3) and (100,) -> painting as content."""
        return self._transformer([content[None], vector[None]])[0][0].copy()


def mixed(vectors: np.ndarray, mixes: np.ndarray) -> np.ndarray:
    """
    Return the vectors (K, 100) of paintings, ``m + a * (v[i] - m) + b * (v[j] - m)``, m the mean of all vectors.

    :param vectors: of all style pictures, (M, 100); the teacher's or a student's.
    :param mixes: ((i, j), (a, b)) of each painting, (K, 2, 2).
    """
    average = np.mean(vectors, 0)
    apart = (vectors - average)[mixes[:, 0].astype(int)]
    return (average + (mixes[:, 1, :, None] * apart).sum(1)).astype(np.float32)


class Pool:
    """
    The pool on disk, arrays as memory maps.

    ``contents`` and ``paintings`` uint8 (N, 256, 256, 3); ``style_pictures`` uint8 (M, 256, 256, 3);
    ``style_vectors`` float32 (M, 100), the teacher's; ``mixes`` float32 (N, 2, 2), see :func:`mixed`.
    """

    def __init__(self, folder: Path, mode: str = 'r') -> None:
        for name in ('contents', 'paintings', 'style_pictures', 'style_vectors', 'mixes'):
            setattr(self, name, np.load(folder / f'{name}.npy', mmap_mode=mode))
        if self.mixes.shape[1:] != (2, 2):
            raise StyleTransferError(f"The pool in '{folder}' is an older version's; delete it, and pooled.npy, "
                                     'transformer.pt and described_*.npz beside it.')

    @classmethod
    def make(cls, folder: Path, pictures: Pictures, count: int, styles: int, seed: int) -> 'Pool':
        """Make a pool of ``count`` samples and ``styles`` styles (about 40 samples/s on two cores)."""
        folder.mkdir(parents=True, exist_ok=True)
        rng, teacher = np.random.default_rng(seed), Teacher()
        image = (SIZE, SIZE, 3)
        shapes = {'contents': (count, *image), 'paintings': (count, *image), 'style_pictures': (styles, *image),
                  'style_vectors': (styles, 100), 'mixes': (count, 2, 2)}
        for name, shape in shapes.items():
            dtype = np.uint8 if shape[1:] == image else np.float32
            np.lib.format.open_memmap(folder / f'{name}.npy', 'w+', dtype, shape)
        pool = cls(folder, 'r+')
        for i in tqdm(range(styles), desc='styles', unit='picture'):
            pool.style_pictures[i] = style_picture(pictures, rng)
            pool.style_vectors[i] = teacher.predict(pool.style_pictures[i])
        for n in tqdm(range(count), desc='teacher paints', unit='sample'):
            content = random_crop(pictures.photographs if rng.random() < 0.8 else pictures.all, rng, 0.25)
            amounts = (1, 0) if rng.random() < 0.25 else (rng.uniform(*_NEARER), rng.normal(0, _OTHER))
            pool.contents[n], pool.mixes[n] = content, (rng.integers(styles, size=2), amounts)
            pool.paintings[n] = teacher.paint(content, mixed(pool.style_vectors, pool.mixes[n:n + 1])[0])
        (folder / 'done').touch()
        return pool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder for packages and pool')
    parser.add_argument('--count', type=int, default=14000, help='samples')
    parser.add_argument('--styles', type=int, default=6000, help='style pictures')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    try:
        pictures = gather(options.cache / 'packages')
        Pool.make(options.cache / 'pool', pictures, options.count, options.styles, options.seed)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
