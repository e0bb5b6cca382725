# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Train a transformer: ``python -m training.train_transformer --cache DIR`` (``make train``).

Resumes from ``DIR/transformer.pt``; writes it and a sample sheet ``DIR/sheet.png`` every few minutes, and all that the
export needs as ``DIR/trained.npz``.  On CPUs every core trains its share of a batch in a thread of its own, which costs
half of what PyTorch's threads do in networks as small as ours; where the CPU multiplies matrices of bfloat16 (AMX),
convolutions use that.  Uses a GPU if PyTorch sees one.
"""
from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
import math
from pathlib import Path
import sys
import time
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F
from tqdm import tqdm

from style_transfer_ros.engine import networks
from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.onnx_ops import load_weights
from training import losses
from training.batches import Batch, CROP, draw, HELD_OUT, overlaps, to_tensor
from training.packages import fetch, HED
from training.pool import Pool, SIZE
from training.student import Student
from training.torch_ops import average_gradients, TorchOps
from training.unfolded import fine_weights

#: The sensor's noise in the views that are painted and in those that are compared with them, deviation to this, of 1.
_NOISE, _PAIR_NOISE = 0.004, 0.02
#: In this share of the steps half of the samples are compared with the other half, which shows them again, moved.
_PAIRED = 0.25
#: In this share of the other steps a sample learns strength.
_STRENGTH = 0.15
#: Height and width of the random part whose features are compared, pixels.
_FEATURE_CROP = 128
#: Directions that palettes are compared along, drawn anew for every step.
_DIRECTIONS = 6
#: The average of the weights, which is exported, keeps this much of itself in a step.
_KEEP = 0.997
#: Length of a run; fine is what magenta is, with detail, before any.
_HOURS = {'swift': 0.85, 'fine': 0.0}
_LAYOUT = torch.channels_last      # twice as fast on CPUs


@dataclass
class Weights:
    """What each loss of ``losses.py`` counts."""

    pixel: float = 2.0
    gradient: float = 22.0      # at full size
    half_gradient: float = 9.0  # at half size
    tint: float = 15.0
    band: float = 4.0
    texture: float = 1.4
    palette: float = 36.0
    content: float = 8.0
    grid: float = 0.5
    lattice: float = 20.0
    seam: float = 2.0
    style: float = 0.0          # against the style picture itself, as the next one, from ``style_from`` on; 0: neither
    colours: float = 12.0
    calm: float = 18.0          # ramped up from ``calm_from`` on


class Trainer:
    """
    Student, frozen networks and pool, and what one share of a step computes.

    :param weights: of the losses.
    :param detail: see :func:`losses.wanted`.
    :raises StyleTransferError: a package with a network cannot be fetched.
    """

    def __init__(self, cache: Path, pool: Pool, student: Student, weights: Weights, detail: float) -> None:
        self.pool, self.student, self.weights, self.detail = pool, student, weights, detail
        self.device = student.vectors.device
        self.parameters = student.learned()
        self.coarse = self.device.type == 'cpu' and torch.cpu.get_capabilities().get('amx_bf16', False)
        self.features = losses.Features().to(self.device)
        self.judge: losses.StyleStatistics | None = None
        if weights.style:
            self.judge = losses.StyleStatistics(fetch(HED, cache / 'packages'), pool).to(self.device)

    def convolving(self) -> torch.autocast:
        """Let convolutions run in bfloat16 where that is faster; weights, sums and losses stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.coarse)

    def losses(self, batch: Batch, rng: np.random.Generator, calm: float, style: bool) -> dict[str, Tensor]:
        """Paint a batch and return every loss, weighted."""
        w, count = self.weights, len(batch.rows)
        content = batch.content.to(self.device)
        target = losses.wanted(batch.painting.to(self.device), content, self.detail)
        strength = torch.ones(count, 1, device=self.device)
        if not batch.pairs and rng.random() < _STRENGTH:
            strength[-1] = rng.random()
        vector = self.student.condition(torch.from_numpy(self.pool.mixes[batch.rows]).to(self.device))
        vector = strength * vector + (1 - strength) * self.student.identity
        mix = strength[:, :, None, None]
        target = mix * target + (1 - mix) * content
        sigma = rng.uniform(0, _NOISE, (count, 1, 1, 1))
        sigma[count - batch.pairs:] = rng.uniform(0, _PAIR_NOISE, (batch.pairs, 1, 1, 1))
        noise = torch.from_numpy(sigma.astype(np.float32)).to(self.device) * torch.randn_like(content)
        noisy = (content + noise).clamp(0, 1).contiguous(memory_format=_LAYOUT)
        with self.convolving():
            painted = self.student.transformer(noisy, vector)
        painted = losses.clipped(painted.float())
        top, left = rng.integers(0, CROP - _FEATURE_CROP + 1, 2)    # features are costly: a part will do
        part = (..., slice(top, top + _FEATURE_CROP), slice(left, left + _FEATURE_CROP))
        parts = [x[part].contiguous(memory_format=_LAYOUT) for x in (painted, target)]
        with self.convolving():
            shown = self.features(parts[0])
            with torch.no_grad():
                asked = self.features(parts[1])
        directions = F.normalize(torch.randn(_DIRECTIONS, 3, device=self.device))
        halves = [F.avg_pool2d(x, 2) for x in (painted, target)]
        found = {'pixel': w.pixel * losses.pixel_loss(painted, target),
                 'gradient': w.gradient * losses.gradient_loss(painted, target),
                 'half_gradient': w.half_gradient * losses.gradient_loss(*halves),
                 'tint': w.tint * losses.tint_loss(painted, target),
                 'band': w.band * losses.band_loss(painted, target),
                 'texture': w.texture * losses.feature_loss(shown, asked),
                 'palette': w.palette * losses.palette_loss(painted, target, directions),
                 'content': w.content * losses.content_loss(painted, target, content),
                 'grid': w.grid * losses.grid_loss(painted, target),
                 'lattice': w.lattice * losses.lattice_loss(painted, content),      # the teacher prints one, too
                 'seam': w.seam * losses.seam_loss(painted, target)}
        if style and self.judge is not None:
            row, first = int(batch.rows[0]), painted[:1]
            with self.convolving():
                found['style'] = w.style * self.judge(first, row, rng)
            found['colours'] = w.colours * losses.palette_loss(first, self.judge.picture(row), directions)
        if batch.pairs:         # S(x + n) against S of the same, moved (arXiv 2007.04828)
            apart = [(a - b).abs().mean() for a, b in overlaps(batch, painted)]
            found['calm'] = calm * torch.stack(apart).mean()
        return found

    def share(self, count: int, calm: float, style: bool, rng: np.random.Generator) -> tuple[tuple, dict[str, float]]:
        """Return the gradients of ``count`` random samples, and their losses by name."""
        if self.device.type == 'cpu':
            torch.set_num_threads(1)
        rows = rng.integers(HELD_OUT, len(self.pool.contents), count)
        if style and self.judge is not None:
            rows[0] = rng.choice(self.judge.rows)
        batch = draw(self.pool, rng, rows, count // 2 if calm > 0 and rng.random() < _PAIRED else 0)
        found = self.losses(batch, rng, calm, style)
        gradients = torch.autograd.grad(torch.stack(list(found.values())).sum(), self.parameters, allow_unused=True)
        return gradients, {name: float(value.detach()) for name, value in found.items()}


def beginning(start: str, architecture: str, detail: float, cache: Path) -> dict[str, np.ndarray]:
    """
    Return the weights of the transformer to start from.

    :param start: name or directory of a model of ours; ``magenta``: what paints as Magenta's transformer, for swift
        nearly, out of the stage ``train_ends``.
    :param detail: share of the photograph's detail that fine adds.
    :raises StyleTransferError: it is another network, or that stage was not run.
    """
    if start != 'magenta':
        former = load_model(start)
        if former.architecture != architecture:
            raise StyleTransferError(f"The model '{start}' has the architecture '{former.architecture}'; start from "
                                     f"one of the architecture '{architecture}'.")
        return load_weights(former.path('transformer.onnx'))
    if architecture == 'fine':
        return fine_weights(detail)
    file = cache / 'ends.npz'
    if not file.exists():
        raise StyleTransferError(f"There is no '{file}'; run training.train_ends first.")
    return dict(np.load(file))


def sheet(transformer: TorchOps, student: Student, pool: Pool) -> np.ndarray:
    """Paint held-out samples: content, teacher, student, student at strength 0; BGR uint8."""
    rows = np.arange(min(12, len(pool.contents)) // 2 * 2)
    content, painting = to_tensor(pool.contents[rows]), to_tensor(pool.paintings[rows])
    with torch.no_grad():
        vector = student.condition(torch.from_numpy(pool.mixes[rows]).to(student.mean.device)).cpu()
        painted = transformer(content, vector).clamp(0, 1)
        photo = transformer(content, student.identity.cpu().expand_as(vector)).clamp(0, 1)
    columns = torch.cat([content, painting, painted, photo], 3).permute(0, 2, 3, 1).numpy()
    columns = columns.reshape(2, len(rows) // 2 * SIZE, 4 * SIZE, 3)
    return (np.concatenate(list(columns), 1)[..., ::-1] * 255).astype(np.uint8)


class Run:
    """The state of a run that can be interrupted: student, optimizer, average of the weights, time and samples."""

    def __init__(self, cache: Path, student: Student) -> None:
        self._cache, self.student = cache, student
        self.optimizer = torch.optim.Adam(student.learned(), betas=(0.9, 0.99))
        self.average = {name: p.detach().clone() for name, p in student.named_parameters()}
        self.elapsed, self.seen = 0.0, 0
        self._file = cache / 'transformer.pt'

    def resume(self) -> None:
        """
        Go on from the checkpoint, where there is one.

        :raises StyleTransferError: it is of another network.
        """
        if self._file.exists():
            state = torch.load(self._file, map_location=self.student.vectors.device, weights_only=True)
            if {k: v.shape for k, v in state['model'].items()} != {k: v.shape for k, v in
                                                                   self.student.state_dict().items()}:
                raise StyleTransferError(f"'{self._file}' is of another network; delete it.")
            self.student.load_state_dict(state['model'])
            self.average, self.seen, self.elapsed = state['average'], state['seen'], state['elapsed']
            self.optimizer.load_state_dict(state['optimizer'])

    def step(self, gradients: list[tuple], step_size: float) -> None:
        """Move the weights against the mean of the shares' gradients."""
        for group in self.optimizer.param_groups:
            group['lr'] = step_size
        parameters = self.student.learned()
        average_gradients(parameters, gradients)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):                                # a flat crop's instance norm can overflow
            self.optimizer.step()
            with torch.no_grad():
                for name, p in self.student.named_parameters():
                    self.average[name].lerp_(p, 1 - _KEEP)

    def save(self, pool: Pool) -> None:
        """Write the checkpoint, what the export needs, and a sheet; the last two of the average of the weights."""
        student = self.student
        with replacing(self._file) as file:
            torch.save({'model': student.state_dict(), 'average': self.average, 'elapsed': self.elapsed,
                        'optimizer': self.optimizer.state_dict(), 'seen': self.seen}, file)
        current = {name: p.detach().clone() for name, p in student.named_parameters()}
        student.load_state_dict(self.average, strict=False)
        weights: dict[str, Any] = student.with_identity()
        with replacing(self._cache / 'trained.npz') as file:
            np.savez(file, identity=student.identity.cpu().numpy(), vectors=student.vectors.cpu().numpy(), **weights)
        exported = TorchOps(student.transformer.network, weights)
        cv2.imwrite(str(self._cache / 'sheet.png'), sheet(exported, student, pool))
        student.load_state_dict(current, strict=False)


def train(options: argparse.Namespace) -> None:
    """
    Run the training loop until ``options.hours`` of training are used up; resumable.

    :raises StyleTransferError: a checkpoint, a pool or the model to start from does not fit.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    shares = 1 if device == 'cuda' else options.threads or torch.get_num_threads()
    torch.manual_seed(options.seed)
    pool = Pool(options.cache / 'pool')
    if len(pool.contents) <= HELD_OUT:
        raise StyleTransferError(f'The pool has {len(pool.contents)} samples, of which {HELD_OUT} only judge; make a '
                                 'larger one.')
    network, _ = networks.PAIRS[options.architecture]
    model = TorchOps(network, beginning(options.start, options.architecture, options.detail, options.cache))
    model(torch.zeros(1, 3, 64, 64), torch.zeros(1, networks.STYLE_VECTOR_LENGTH))      # says what does not fit
    student = Student(model, np.array(pool.style_vectors)).to(device)
    run = Run(options.cache, student)
    run.resume()
    model.load_weights(student.with_identity())
    weights = Weights(**{field.name: getattr(options, field.name) for field in fields(Weights)})
    trainer = Trainer(options.cache, pool, student, weights, options.detail)
    rngs = [np.random.default_rng([options.seed, run.seen, n]) for n in range(shares)]
    count = max(2, round(options.batch / shares))
    bar = tqdm(unit='sample', initial=run.seen, smoothing=0.02, mininterval=5)
    smooth: dict[str, float] = {}
    last = saved = time.monotonic()
    with ThreadPoolExecutor(shares) as workers:
        while run.elapsed < options.hours * 3600:
            progress = run.elapsed / (options.hours * 3600)
            calm = options.calm * float(np.clip((progress - options.calm_from) / 0.1, 0, 1))
            style = progress >= options.style_from
            decay = 0.5 + 0.5 * math.cos(math.pi * progress)
            step_size = options.peak * min(1, (run.seen + 200) / 2000) * decay + 3e-5
            results = list(workers.map(partial(trainer.share, count, calm, style), rngs))
            run.step([gradients for gradients, _ in results], step_size)
            run.seen += count * shares
            for _, found in results:
                for name, value in found.items():
                    smooth[name] = 0.99 * smooth.get(name, value) + 0.01 * value
            bar.update(count * shares)
            bar.set_postfix({**{k: f'{v:.3f}' for k, v in smooth.items()}, 'step': f'{step_size:.1e}'}, refresh=False)
            run.elapsed, last = run.elapsed + min(time.monotonic() - last, 10), time.monotonic()    # a pause is none
            if last - saved > options.save_every:
                run.save(pool)
                saved = time.monotonic()
    run.save(pool)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder with the pool; gets checkpoints and sheets')
    parser.add_argument('--hours', type=float, help='length of the run, hours (default: swift 0.85, fine 0)')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--peak', type=float, default=2.5e-4, help='largest step size')
    for field in fields(Weights):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default,
                            help=f'weight of the loss {field.name}')
    parser.add_argument('--detail', type=float, default=0.5,
                        help="share of the photograph's detail that is added to the teacher's paintings")
    parser.add_argument('--style-from', type=float, default=0.5, help='share of the run before the loss style')
    parser.add_argument('--calm-from', type=float, default=0.67, help='share of the run before the loss calm')
    parser.add_argument('--architecture', choices=('swift', 'fine'), default='swift', help='size of the network')
    parser.add_argument('--start', default='magenta', help="model to go on from; 'magenta': begin anew")
    parser.add_argument('--save-every', type=float, default=180, help='seconds between checkpoints')
    parser.add_argument('--threads', type=int, default=0, help='CPU threads, 0: all')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    if options.hours is None:
        options.hours = _HOURS[options.architecture]
    try:
        train(options)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
