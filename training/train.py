"""
Train transformer and predictor together: ``python -m training.train --cache DIR --hours 3`` (``make train`` runs all).

Resumes from ``DIR/transformer.pt``; writes it and a sample sheet ``DIR/sheet.png`` every few minutes, and all that the
export needs as ``DIR/trained.npz``.  Uses a GPU if PyTorch sees one.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time
from typing import Dict, Tuple

import cv2
import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.models import read_model
from style_transfer_ros.engine.onnx_ops import load_weights
from training.files import replacing
from training.identity import identity_vector, install_identity
from training.losses import (
    clipped,
    content_loss,
    feature_loss,
    Features,
    grid_loss,
    lattice_loss,
    palette_loss,
    pixel_loss,
    StyleReader,
)
from training.narrow import narrowed
from training.predictor import DenseLayers
from training.samples import mixed, Pool, SIZE
from training.torch_ops import TorchOps

#: Between these shares of the run the demand that noisy and moved views of one sample agree is ramped up; a run that
#: goes on from a model makes it at once.
_CALM_FROM, _CALM_FULL = 0.35, 0.7
_STEP_SIZE = 1.5e-3
#: The predictor's dense layers learn with so many times that step size: they know their work already.
_DENSE_PACE = 0.1
#: Until this share of the run the core and the predictor stay as they began, unless the run goes on from a model.
_CORE_FROM = 0.1
#: At most so much noise everywhere (standard deviation, of 1) and in detail (of its own contrast), in so many octaves:
#: leaves in the wind change at all sizes.
_NOISE, _OCTAVES = (0.04, 0.4), 4
#: The second view of a sample is moved by at most so many whole pixels each way: all that a network that works at 1/4
#: resolution can tell apart.  Moves by parts of a pixel blur what they move, and would ask for a blurred painting.
_STEPS = 3
#: The first view of a sample, whose style is read, gets this share of them: most photographs are clean.
_FIRST_VIEW = 0.25
#: Styles that say which maps matter.
_STYLES = 300
#: Height and width of the random part whose features are compared, pixels.
_FEATURE_CROP = 128
#: Palettes are compared along so many directions, drawn anew for every step.
_DIRECTIONS = 6
#: A network sees its border from so far inside, pixels.  The first views of a batch are mirrored by as much at every
#: side, which is cut off again: the style predictor, which reads these, would be pleased with a frame at the border,
#: and that does not help a larger picture.
_BLIND = 56
_INNER = (..., slice(_BLIND, -_BLIND), slice(_BLIND, -_BLIND))
#: It reads paintings at 3/4 of their size, about as a frame in use, and so many of a batch: reading costs as much as
#: the rest.
_READ_SIZE, _READ = 192, 4
_LAYOUT = torch.channels_last      # twice as fast on CPUs


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Uint8 N,H,W,3 -> float N,3,H,W in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255


def unmoved() -> np.ndarray:
    """Return the sampling grid (H, W, 2) for ``grid_sample`` that moves nothing."""
    axis = (np.arange(SIZE, dtype=np.float32) * 2 + 1) / SIZE - 1
    return np.stack(np.meshgrid(axis, axis), -1)


def motion_field(rng: np.random.Generator, pixels: float) -> np.ndarray:
    """Draw a smooth random flow (arXiv 2007.04828): the sampling grid (H, W, 2) for ``grid_sample``."""
    coarse = rng.normal(0, pixels, (3, 3, 2)).astype(np.float32) + rng.normal(0, 2 * pixels, 2).astype(np.float32)
    flow = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * 2 / SIZE
    return unmoved() + flow


def noise(rng: np.random.Generator, content: Tensor, grain: Tensor) -> Tensor:
    """
    Draw the noise of a sensor plus that of a compressed or restless video: grey, in every octave a share of its detail.

    :param content: N,3,H,W in 0..1, H and W multiples of 16.
    :param grain: normal noise of the same shape.
    """
    sensor, restless = (torch.from_numpy(rng.uniform(0, most, (len(content), 1, 1, 1)).astype(np.float32))
                        .to(content.device) for most in _NOISE)
    total, grey = sensor * grain, grain.flip(2)[:, :1]          # flipped: independent of the sensor's
    for _ in range(_OCTAVES):
        coarse = F.avg_pool2d(content, 2)
        detail = (content - F.interpolate(coarse, scale_factor=2)).abs().mean(1, keepdim=True)
        contrast = F.avg_pool2d(detail, 5, 1, 2, count_include_pad=False)
        total = total + F.interpolate(restless * contrast * grey, size=grain.shape[2:], mode='bilinear')
        content, grey = coarse, torch.randn_like(coarse[:, :1])
    return total


def warp(pictures: Tensor, fields: Tensor) -> Tensor:
    """Move N,3,H,W along N,H,W,2, mirrored at the border."""
    return F.grid_sample(pictures, fields, mode='bilinear', padding_mode='reflection', align_corners=False)


class Student(nn.Module):
    """
    What learns: the transformer, and the predictor's dense layers, so that vectors say what their style asks for.

    :param pooled: what the dense layers see of the pool's style pictures, (M, 432).
    """

    def __init__(self, transformer: TorchOps, dense: DenseLayers, pooled: Tensor) -> None:
        super().__init__()
        self.transformer, self.dense = transformer, dense.eval()        # one vector for both views: no dropout
        self.register_buffer('pooled', pooled, persistent=False)
        self.register_buffer('mean', self.vectors().mean(0))
        self.register_buffer('identity', torch.from_numpy(identity_vector(self.vectors().cpu().numpy())))
        self.to(pooled.device)
        # what the last layer answers along it; in the checkpoint, as another direction would come out another time
        weight, bias = dense.out.parameters()
        self.register_buffer('along_weight', self.unused @ weight.detach())
        self.register_buffer('along_bias', self.unused @ bias.detach())

    @property
    def unused(self) -> Tensor:
        """Return the direction of the identity vector, (100,), of length 1."""
        return self.identity / self.identity.norm()

    @torch.no_grad()
    def vectors(self) -> Tensor:
        """Return the vectors of the pool's style pictures, (M, 100)."""
        return self.dense(self.pooled)

    def condition(self, mixes: Tensor) -> Tensor:
        """Return the vectors (K, 100) of paintings, mixed as by ``samples.mixed``, (K, 2, 2)."""
        apart = self.dense(self.pooled[mixes[:, 0].long()]) - self.mean
        return self.mean + (mixes[:, 1, :, None] * apart).sum(1)

    def with_identity(self) -> Dict[str, np.ndarray]:
        """Return the transformer's weights with its answers to the identity vector set."""
        identity, average = (x.cpu().numpy() for x in (self.identity, self.vectors().mean(0)))
        return install_identity(self.transformer.weights(), identity, average)

    @torch.no_grad()
    def leave_identity(self) -> None:
        """Keep styles from the direction of the identity vector, which must stay unused."""
        for p, along in zip(self.dense.out.parameters(), (self.along_weight, self.along_bias)):
            p -= torch.tensordot(self.unused, self.unused @ p - along, 0)


class Batches:
    """
    Draws batches from the pool, with flips.

    :param held_out: so many first samples are never trained on.
    """

    def __init__(self, pool: Pool, size: int, seed: int, held_out: int = 64) -> None:
        self.pool, self.size, self.held_out = pool, size, held_out
        self.rng = np.random.default_rng(seed)
        self._wanted = mixed(np.array(pool.style_vectors), pool.mixes)

    def rows(self, rows: np.ndarray) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return contents, paintings, how their styles are mixed and the teacher's vectors of these rows."""
        return (to_tensor(self.pool.contents[rows]), to_tensor(self.pool.paintings[rows]),
                torch.from_numpy(self.pool.mixes[rows]), torch.from_numpy(self._wanted[rows]))

    def draw(self) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw a batch, as :meth:`rows`."""
        rows = np.sort(self.rng.integers(self.held_out, len(self.pool.contents), self.size))
        content, painting, *vectors = self.rows(rows)
        flips = torch.from_numpy(self.rng.random(self.size) < 0.5)[:, None, None, None]
        return tuple(torch.where(flips, x.flip(3), x) for x in (content, painting)) + tuple(vectors)


def sheet(model: TorchOps, student: Student, batches: Batches) -> np.ndarray:
    """Paint held-out samples with ``model``: content, teacher, student, student at strength 0; BGR uint8."""
    content, painting, mixes, _ = batches.rows(np.arange(12))
    with torch.no_grad():
        vector = student.condition(mixes.to(student.mean.device)).cpu()
        painted = model(content, vector).clamp(0, 1)
        photo = model(content, student.identity.cpu().expand_as(vector)).clamp(0, 1)
    columns = torch.cat([content, painting, painted, photo], 3).permute(0, 2, 3, 1).numpy()
    columns = columns.reshape(2, 6 * SIZE, 4 * SIZE, 3)
    return (np.concatenate(list(columns), 1)[..., ::-1] * 255).astype(np.uint8)


def teach_encoder(model: TorchOps, batches: Batches, samples: int, device: str) -> None:
    """Teach the encoder alone to give the features of the teacher's, from noisy pictures those of clean ones."""
    weights = {name: w for name, w in magenta.transformer_weights().items() if name.startswith('contract')}
    teacher = TorchOps(networks.magenta_encoder, weights).requires_grad_(False).to(device)
    optimizer = torch.optim.Adam([p for name, p in model.named_parameters() if 'stem' in name], lr=3e-3)
    bar = tqdm(total=samples, desc='encoder', unit='sample', mininterval=5)
    for seen in range(0, samples, batches.size):
        for group in optimizer.param_groups:
            group['lr'] = 3e-3 * (1 - seen / samples) + 1e-5
        content = batches.draw()[0].to(device).contiguous(memory_format=_LAYOUT)
        noisy = (content + torch.randn_like(content) * batches.rng.uniform(0, 0.04)).clamp(0, 1)
        wanted = teacher(content)
        got = networks.swift_encoder(model, model.space_to_depth(noisy, 4))
        loss = ((got - wanted).abs() / (wanted.std((0, 2, 3), keepdim=True) + 0.05)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        bar.update(batches.size)
        bar.set_postfix(error=f'{loss.item():.3f}', refresh=False)


def train(options: argparse.Namespace) -> None:
    """
    Run the training loop until ``options.hours`` of training are used up; resumable.

    :raises StyleTransferError: the batch is too small, or a checkpoint, a pool or the model to start from does not fit.
    """
    if options.batch < 2 * _READ:
        raise StyleTransferError(f'A batch of {options.batch} is too small; take at least {2 * _READ}.')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    torch.manual_seed(options.seed)
    pool, state_file = Pool(options.cache / 'pool'), options.cache / 'transformer.pt'
    batches = Batches(pool, options.batch, options.seed)
    pooled = torch.from_numpy(np.load(options.cache / 'pooled.npy')).to(device)
    if len(pooled) != len(pool.style_vectors):
        raise StyleTransferError(f"'{options.cache / 'pooled.npy'}' describes {len(pooled)} pictures, the pool has "
                                 f'{len(pool.style_vectors)}; delete it and run make train again.')
    if options.start:
        former = read_model(options.start)
        if former.network != 'swift':
            raise StyleTransferError(f"The model '{options.start}' is of a network '{former.network}'; start from "
                                     "one of 'swift'.")
        start, predictor = (load_weights(former.path(f'{part}.onnx')) for part in ('transformer', 'predictor'))
    else:       # the teacher's own core, made narrower; the ends are new
        start = {name: w for name, w in magenta.transformer_weights().items() if name.startswith('residual')}
        predictor = dict(np.load(options.cache / 'predictor.npz'))
    dense = DenseLayers(pooled.mean(0), pooled.std(0) + 1e-4, predictor).to(device)
    with torch.no_grad():
        start = narrowed(start, dense.eval()(pooled[:_STYLES]).cpu().numpy())
    model = TorchOps(networks.swift_transformer, start)
    model(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, 100))   # makes the parameters
    student = Student(model.to(device), dense, pooled)
    reader = StyleReader(torch.from_numpy(np.mean(pool.style_vectors, 0)))
    features, reader = Features().to(device), reader.to(device)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    parameters = list(student.parameters())
    optimizer = torch.optim.Adam([{'params': list(model.parameters()), 'pace': 1.0},
                                  {'params': list(student.dense.parameters()), 'pace': _DENSE_PACE}], betas=(0.9, 0.99))
    average = {name: p.detach().clone() for name, p in student.named_parameters()}
    elapsed, seen = 0.0, 0
    if state_file.exists():
        state = torch.load(state_file, map_location=device, weights_only=False)
        if {k: v.shape for k, v in state['model'].items()} != {k: v.shape for k, v in student.state_dict().items()}:
            raise StyleTransferError(f"'{state_file}' is of another network; delete it.")
        student.load_state_dict(state['model'])
        average = state['average']
        seen, elapsed = state['seen'], state['elapsed']
        optimizer.load_state_dict(state['optimizer'])
    batches.rng = np.random.default_rng(options.seed + seen)
    model.load_weights(student.with_identity())

    def save() -> None:
        with replacing(state_file) as unfinished:
            torch.save({'model': student.state_dict(), 'average': average, 'elapsed': elapsed,
                        'optimizer': optimizer.state_dict(), 'seen': seen}, unfinished)
        current = {name: p.detach().clone() for name, p in student.named_parameters()}
        student.load_state_dict(average, strict=False)
        weights = student.with_identity()
        with replacing(options.cache / 'trained.npz') as unfinished:
            np.savez(unfinished, identity=student.identity.cpu().numpy(), vectors=student.vectors().cpu().numpy(),
                     **{**predictor, **student.dense.weights(), **weights})
        cv2.imwrite(str(options.cache / 'sheet.png'), sheet(TorchOps(model.network, weights), student, batches))
        student.load_state_dict(current, strict=False)
        student.mean.copy_(student.vectors().mean(0))

    if not seen and not options.start:
        teach_encoder(model, batches, options.encoder_samples, device)
    sensor = torch.randn(64, 3, SIZE, SIZE, device=device).contiguous(memory_format=_LAYOUT)     # slow to draw anew
    bar = tqdm(unit='sample', initial=seen, smoothing=0.02, mininterval=5)
    last, saved, smooth = time.monotonic(), time.monotonic(), {}
    while elapsed < options.hours * 3600:
        progress = elapsed / (options.hours * 3600)
        lr = options.peak * min(1, seen / 2000) * (0.5 + 0.5 * np.cos(np.pi * progress)) + 1e-5
        for group in optimizer.param_groups:
            group['lr'] = lr * group['pace']
        for name, p in student.named_parameters():              # the ends learn to fit the rest before it moves
            fixed = 'residual' in name or name.startswith('dense')
            p.requires_grad_(not fixed or progress > _CORE_FROM or bool(options.start))
        content, painting, mixes, style = (x.to(device) for x in batches.draw())
        vector = student.condition(mixes)
        rng, n = batches.rng, len(content)
        calm = 1.0 if options.start else np.clip((progress - _CALM_FROM) / (_CALM_FULL - _CALM_FROM), 0, 1)
        pairs = n // 2 if calm > 0 and options.calm > 0 else 0  # the second half sees the first half again, moved
        if pairs:
            content, painting, vector, style = (torch.cat([x[:n - pairs], x[:pairs]])
                                                for x in (content, painting, vector, style))
        strength = torch.ones(n, 1, device=device)              # the last sample, and its pair, learn strength
        strength[pairs - 1] = strength[-1] = rng.choice([1.0, rng.random()])
        vector = strength * vector + (1 - strength) * student.identity
        mix = strength[:, :, None, None]
        target = mix * painting + (1 - mix) * content
        fields = torch.from_numpy(np.stack([motion_field(rng, rng.choice([0.0, 1.0, 3.0])) for _ in range(n - pairs)]))
        amount = mix.clone()                                    # how much of the noise a sample gets
        if pairs:
            amount[:n - pairs] *= _FIRST_VIEW
            steps = torch.from_numpy(rng.integers(-_STEPS, _STEPS + 1, (pairs, 1, 1, 2)).astype(np.float32)) * 2 / SIZE
            fields = torch.cat([fields, fields[:pairs] + steps])
        content, target = (warp(x, fields.to(device)) for x in (content, target))
        added = amount * noise(rng, content, sensor[torch.from_numpy(rng.integers(0, len(sensor), n))])
        noisy = (content + added).clamp(0, 1).contiguous(memory_format=_LAYOUT)
        wide = F.pad(noisy[:_READ], [_BLIND] * 4, mode='reflect').contiguous(memory_format=_LAYOUT)
        painted = clipped(torch.cat([model(wide, vector[:_READ])[_INNER], model(noisy[_READ:], vector[_READ:])]))
        top, left = rng.integers(0, painted.shape[2] - _FEATURE_CROP + 1, 2)    # features are costly: a part will do
        part = (..., slice(top, top + _FEATURE_CROP), slice(left, left + _FEATURE_CROP))
        unread = reader(painted[:_READ].contiguous(memory_format=_LAYOUT), style[:_READ], _READ_SIZE)
        parts = [x[part].contiguous(memory_format=_LAYOUT) for x in (painted, target)]
        with torch.no_grad():
            wanted = features(parts[1])
        losses = {'pixel': options.pixel * pixel_loss(painted, target), 'grid': options.grid * grid_loss(*parts),
                  'lattice': options.lattice * lattice_loss(painted, target),
                  'palette': options.palette * palette_loss(painted, target, F.normalize(torch.randn(
                      _DIRECTIONS, 3, device=device))),
                  'feature': options.texture * feature_loss(features(parts[0]), wanted),
                  'content': options.content * content_loss(painted, target, content),
                  'style': options.style * (unread * (strength[:_READ, 0] == 1)).mean()}
        if pairs:       # S(w(x) + n) against w(S(x + m)) (arXiv 2007.04828)
            grid = (torch.from_numpy(unmoved()) + steps).to(device)
            losses['calm'] = options.calm * calm * (warp(painted[:pairs], grid) - painted[n - pairs:]).abs().mean()
        loss = sum(losses.values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):                                # a flat crop's instance norm can overflow
            optimizer.step()
            student.leave_identity()
            with torch.no_grad():
                keep = min(0.997, 1 - 1 / (seen / n + 2))
                for name, p in student.named_parameters():
                    average[name].lerp_(p, 1 - keep)
        seen += n
        for name, value in losses.items():
            smooth[name] = 0.99 * smooth.get(name, float(value.detach())) + 0.01 * float(value.detach())
        bar.update(n)
        bar.set_postfix({**{k: f'{v:.4f}' for k, v in smooth.items()}, 'lr': f'{lr:.1e}'}, refresh=False)
        elapsed, last = elapsed + min(time.monotonic() - last, 10), time.monotonic()   # a pause is not training
        if last - saved > options.save_every:
            save()
            saved = time.monotonic()
    save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder with the pool; gets checkpoints and sheets')
    parser.add_argument('--hours', type=float, default=3.0, help='length of the run, hours')
    parser.add_argument('--encoder-samples', type=int, default=16000, help='samples for the encoder alone, at first')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--peak', type=float, default=_STEP_SIZE, help='largest step size')
    parser.add_argument('--pixel', type=float, default=4.0, help='weight of the pixel loss')
    parser.add_argument('--palette', type=float, default=30.0, help='weight of the palette loss')
    parser.add_argument('--texture', type=float, default=0.8, help='weight of the feature loss')
    parser.add_argument('--grid', type=float, default=15.0, help='weight of the grid loss')
    parser.add_argument('--lattice', type=float, default=100.0, help='weight of what repeats in every 4x4 block')
    parser.add_argument('--style', type=float, default=90.0, help='weight of the style vector of the painting')
    parser.add_argument('--content', type=float, default=24.0, help='weight of the structure lost of the photograph')
    parser.add_argument('--calm', type=float, default=100.0, help='weight of the stability loss')
    parser.add_argument('--start', type=Path, help='directory of a swift model to go on from')
    parser.add_argument('--save-every', type=float, default=180, help='seconds between checkpoints')
    parser.add_argument('--threads', type=int, default=0, help='CPU threads, 0: all')
    parser.add_argument('--seed', type=int, default=1)
    try:
        train(parser.parse_args())
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
