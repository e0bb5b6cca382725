# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The networks, each written once and built in any framework.

A network is a plain function over an :class:`Ops`, which draws convolutions, norms and resizes in one
framework: ``onnx_ops.OnnxOps`` (the files that robots run), ``runtimes/tensorflow_runtime.TensorflowOps``
(reference, GPU) and ``training/torch_ops.TorchOps`` (training).

All pairs follow Ghiasi et al. 2017 (arXiv 1705.06830): a *style predictor* turns a style picture into a style vector of
100 numbers, the *transformer* paints a content picture with it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

#: Numbers in a style vector (the bottleneck of the style predictor).
STYLE_VECTOR_LENGTH = 100
#: Height and width of the picture that a style predictor sees, pixels.
STYLE_PICTURE_SIZE = 256


class Ops(Protocol):
    """
    What a framework must offer; ``Any`` is its tensor, feature maps N,C,H,W (TensorFlow: N,H,W,C).

    ``name`` is the prefix of the weights: ``name/weight`` (out, in, kh, kw) and ``name/bias`` (out,).
    """

    def conv(self, x: Any, name: str, channels: int, kernel: int, stride: int = 1, *,
             depthwise: bool = False, padding: str = 'zero', bias: bool = True) -> Any:
        """
        Convolve to ``channels`` maps.

        :param padding: ``zero`` or ``reflect``: kernel // 2 on every side; ``same``: zeros as TensorFlow's SAME
            puts them on even sizes (with stride 2 only below and right).
        """

    def picture(self, name: str) -> Any:
        """Give the picture ``name`` of the weights, uint8 (1, H, W, 3), as 1,3,H,W in 0..1."""

    def instance_norm(self, x: Any, channels: int) -> Any:
        """Give every map of every picture mean 0 and variance 1 (epsilon 1e-5)."""

    def style_linear(self, vector: Any, name: str, channels: int) -> Any:
        """Map the style vector (N, 100) linearly to (N, channels, 1, 1)."""

    def flat(self, x: Any) -> Any:
        """Drop height and width of N,C,1,1."""

    def add(self, a: Any, b: Any) -> Any: ...
    def multiply(self, a: Any, b: Any) -> Any: ...
    def divide(self, a: Any, b: Any) -> Any: ...

    def affine(self, x: Any, factor: float, offset: float = 0.0) -> Any:
        """Multiply by a number and add another."""

    def limited(self, x: Any, low: float, high: float) -> Any: ...
    def relu(self, x: Any) -> Any: ...
    def sigmoid(self, x: Any) -> Any: ...

    def upsample(self, x: Any) -> Any:
        """Double height and width, nearest neighbour."""

    def space_to_depth(self, x: Any, block: int) -> Any:
        """Fold blocks of pixels into channels, order (row in block, column in block, channel)."""

    def depth_to_space(self, x: Any, block: int) -> Any:
        """Undo :meth:`space_to_depth`; the last step of a transformer, which may round to whole numbers here."""

    def channels_last(self, x: Any) -> Any:
        """Lay maps out as frames lie in memory, where the framework knows both orders."""

    def spatial_mean(self, x: Any) -> Any:
        """Average over height and width, to N,C,1,1."""

    def spatial_deviation(self, x: Any) -> Any:
        """Take the standard deviation over height and width, to N,C,1,1."""

    def concatenate(self, parts: Sequence[Any]) -> Any:
        """Stack channels."""


def style_norm(ops: Ops, x: Any, vector: Any, name: str, channels: int, places: int = 1) -> Any:
    """
    Conditional instance norm (arXiv 1610.07629), its scale and shift linear in the style vector.

    :param places: of a block, which the maps are ordered by; all get the same scales and shifts.
    """
    scale, shift = (ops.style_linear(vector, f'{name}/{part}', channels // places) for part in ('scale', 'shift'))
    if places > 1:
        scale, shift = (ops.concatenate([part] * places) for part in (scale, shift))
    return ops.add(ops.multiply(ops.instance_norm(x, channels), scale), shift)


def _residual_core(ops: Ops, x: Any, vector: Any) -> Any:
    """Five residual blocks of 32 maps at 1/4 resolution: where style happens in all transformers."""
    for i in range(1, 6):
        name = f'residual{i}'
        y = ops.conv(x, f'{name}/conv1', 32, 3, padding='reflect')
        y = ops.relu(style_norm(ops, y, vector, f'{name}/norm1', 32))
        y = ops.conv(y, f'{name}/conv2', 32, 3, padding='reflect')
        x = ops.add(x, style_norm(ops, y, vector, f'{name}/norm2', 32))
    return x


def magenta_transformer(ops: Ops, content: Any, vector: Any) -> Any:
    """
    Paint like Magenta's mobile transformer (0.18 M parameters, 3.85 GMAC at 640x480).

    :param content: N,3,H,W RGB in 0..1, H and W multiples of 4.
    :param vector: (N, 100).
    :returns: N,3,H,W RGB in 0..1.
    """
    x = ops.relu(ops.conv(content, 'contract1', 8, 9, padding='reflect'))
    x = ops.relu(ops.conv(x, 'contract2', 16, 3, 2, padding='reflect'))
    x = ops.relu(ops.conv(x, 'contract3', 32, 3, 2, padding='reflect'))
    x = _residual_core(ops, x, vector)
    for i, channels in ((1, 16), (2, 8)):
        x = ops.conv(ops.upsample(x), f'expand{i}', channels, 3, padding='reflect')
        x = ops.relu(style_norm(ops, x, vector, f'expand{i}/norm', channels))
    x = ops.conv(x, 'expand3', 3, 9, padding='reflect')
    return ops.sigmoid(style_norm(ops, x, vector, 'expand3/norm', 3))


#: MobileNet-v2 (arXiv 1801.04381): expansion, channels, repeats, stride of the first.
_MOBILENET_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                     (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _relu6(ops: Ops, x: Any) -> Any:
    return ops.limited(x, 0.0, 6.0)


def mobilenet_blocks(ops: Ops, picture: Any) -> Iterator[Any]:
    """Yield the feature maps after each of the 17 blocks of MobileNet-v2, at 1/2 to 1/32 of the picture's size."""
    x = _relu6(ops, ops.conv(picture, 'stem', 32, 3, 2, padding='same'))
    channels, block = 32, 0
    for expansion, out, repeats, first_stride in _MOBILENET_STAGES:
        for i in range(repeats):
            stride, name, y = first_stride if i == 0 else 1, f'block{block}', x
            if expansion > 1:
                y = _relu6(ops, ops.conv(y, f'{name}/expand', expansion * channels, 1))
            y = _relu6(ops, ops.conv(y, f'{name}/depthwise', expansion * channels, 3, stride,
                                     depthwise=True, padding='same'))
            y = ops.conv(y, f'{name}/project', out, 1)
            x = ops.add(x, y) if stride == 1 and channels == out else y
            channels, block = out, block + 1
            yield x


def magenta_predictor(ops: Ops, picture: Any) -> Any:
    """
    Read a style vector like Magenta's mobile predictor (MobileNet-v2, 2.4 M parameters).

    :param picture: N,3,256,256 RGB in 0..1.
    :returns: N,100,1,1.
    """
    *_, x = mobilenet_blocks(ops, picture)
    x = ops.spatial_mean(_relu6(ops, ops.conv(x, 'last', 1280, 1)))
    return ops.conv(x, 'bottleneck', STYLE_VECTOR_LENGTH, 1)


#: Detail of a photograph's lightness that is fainter than the first is noise, what goes beyond the second a halo.
DETAIL_FAINT, DETAIL_STRONG = 0.02, 0.12


def thin_lines(ops: Ops, pixels: Any, vector: Any) -> Any:
    """
    Find the thin lines of a photograph: detail of its lightness that is neither noise nor halo.

    :param pixels: N,48,H/4,W/4, the photograph by space-to-depth.
    :param vector: (N, 100); each style has its own strength of them.
    :returns: N,16,H/4,W/4, a map for each place in a block.
    """
    detail = ops.conv(pixels, 'detail', 16, 3, padding='reflect', bias=False)
    faint = ops.affine(ops.limited(detail, -DETAIL_FAINT, DETAIL_FAINT), -1.0)
    detail = ops.add(ops.limited(detail, -DETAIL_STRONG, DETAIL_STRONG), faint)
    return ops.multiply(detail, ops.style_linear(vector, 'detail/scale', 1))


def _on_photograph(ops: Ops, painted: Any, pixels: Any, vector: Any) -> Any:
    """
    Set colours and strength of what was painted.

    The camera's pixels reach the output through a gate that the style vector opens, so one vector (the model's identity
    vector) returns the photograph and mixing with it sets the strength.

    :param painted: N,48,H/4,W/4, as ``pixels``: the photograph by space-to-depth.
    :returns: N,3,H,W RGB, about 0..1, not clipped.
    """
    # one value a colour, the same for all 16 pixels of a block: else the style itself would print a grid
    scale, shift, gate = (ops.concatenate([ops.style_linear(vector, name, 3)] * 16)
                          for name in ('head/scale', 'head/shift', 'gate'))
    painted = ops.add(ops.multiply(ops.channels_last(painted), scale), shift)
    return ops.depth_to_space(ops.add(painted, ops.multiply(pixels, gate)), 4)


def swift_stem(ops: Ops, pixels: Any) -> Any:
    """Take the photograph's blocks to what the residual blocks hear, 32 maps."""
    x = ops.relu(ops.conv(pixels, 'stem1', 48, 3, padding='reflect'))
    return ops.relu(ops.conv(x, 'stem2', 32, 3, padding='reflect'))


def swift_transformer(ops: Ops, content: Any, vector: Any) -> Any:
    """
    Paint at camera rate (0.2 M parameters, 3.2 GMAC at 640x480).

    All convolutions are plain 3x3 at 1/4 resolution, where CPUs run near their limit, also in 8 bits; the picture
    enters and leaves by space-to-depth.  They mirror at the border: zeros would tell the network where the picture
    ends, and it would paint a frame.  The head reads the blocks as they are, what Magenta's first layer behind them
    makes of them, and thin lines by a short way from the photograph.

    :param content: N,3,H,W RGB in 0..1, H and W multiples of 4.
    :param vector: (N, 100).
    :returns: N,3,H,W RGB, about 0..1, not clipped.
    """
    pixels = ops.space_to_depth(content, 4)
    x = _residual_core(ops, swift_stem(ops, pixels), vector)
    strokes = ops.conv(x, 'strokes', 16, 3, padding='reflect')
    strokes = ops.relu(style_norm(ops, strokes, vector, 'strokes/norm', 16))
    heard = ops.concatenate([x, strokes, thin_lines(ops, pixels, vector)])
    painted = ops.conv(heard, 'head', 48, 3, padding='reflect', bias=False)
    return _on_photograph(ops, painted, pixels, vector)


def fine_stem(ops: Ops, pixels: Any) -> Any:
    """Take the photograph's blocks to what the residual blocks hear, 32 maps, as Magenta's transformer does."""
    x = pixels
    for i, maps in ((1, 128), (2, 64), (3, 32)):
        x = ops.relu(ops.conv(x, f'contract{i}', maps, 3, padding='reflect'))
    return x


def fine_transformer(ops: Ops, content: Any, vector: Any) -> Any:
    """
    Paint with more care (0.5 M parameters, 7.6 GMAC at 640x480); parameters as of :func:`swift_transformer`.

    This is :func:`magenta_transformer` with every layer written as a 3x3 convolution at 1/4 resolution: maps at full
    and half resolution are 16 and 4 maps there (``training/unfolded.py``).  That is twice the multiplications in less
    time, and in a third of it in 8 bits.  Thin lines of the photograph are added.
    """
    pixels = ops.space_to_depth(content, 4)
    x = _residual_core(ops, fine_stem(ops, pixels), vector)
    for i, maps, places in ((1, 64, 4), (2, 128, 16)):
        x = ops.conv(x, f'expand{i}', maps, 3, padding='reflect')
        x = ops.relu(style_norm(ops, x, vector, f'expand{i}/norm', maps, places))
    x = style_norm(ops, ops.conv(x, 'expand3', 48, 3, padding='reflect'), vector, 'expand3/norm', 48, 16)
    lines = ops.conv(thin_lines(ops, pixels, vector), 'detail/colours', 48, 1, bias=False)
    painted = ops.add(ops.channels_last(ops.sigmoid(x)), ops.channels_last(lines))
    return _on_photograph(ops, painted, pixels, vector)


#: Height and width of the photographs that a new style is tried on, pixels.
TRIAL_SIZE = 288
#: Number of trials of a style, and limits of what each changes the contrast of a colour by; measured, see
#: docs/training_log.md.
_TRIALS, _CONTRASTS = 2, (0.7, 1.5)


def _predictor(ops: Ops, picture: Any, transformer: Callable) -> Any:
    """
    Read a style vector like Magenta's predictor, and set its colours right by trials.

    Each time the transformer paints photographs with what was read.  What red, green and blue miss of the style
    picture's mean and deviation is written into the vector, in directions that only the head's scale and shift answer
    (``training/reserved.py``).  This happens once for a style, and frames cost no more.

    :param picture: N,3,256,256 RGB in 0..1; N = 1.
    :param transformer: the one of the pair.
    :returns: 1,100,1,1.
    """
    vector = magenta_predictor(ops, picture)
    wanted, contrast = ops.spatial_mean(picture), ops.spatial_deviation(picture)
    # OpenVINO 2026.4 overwrites constants in place, and a second run would read a spoilt photograph.  With 0 times an
    # input added it is no constant.
    photographs = ops.add(ops.picture('trial/photographs'), ops.affine(wanted, 0.0))
    for _ in range(_TRIALS):
        trial = ops.limited(transformer(ops, photographs, ops.flat(vector)), 0.0, 1.0)
        mean = ops.spatial_mean(trial)
        negative = ops.affine(mean, -1.0)
        gain = ops.limited(ops.divide(contrast, ops.affine(ops.spatial_deviation(trial), 1.0, 1e-3)), *_CONTRASTS)
        gain = ops.affine(gain, 1.0, -1.0)                  # what is missing of it
        scale, shift = (ops.style_linear(ops.flat(vector), f'head/{part}', 3) for part in ('scale', 'shift'))
        shift = ops.add(ops.multiply(ops.add(shift, negative), gain), ops.add(wanted, negative))
        changes = ops.concatenate([ops.multiply(scale, gain), shift])
        vector = ops.add(vector, ops.conv(changes, 'reserved', STYLE_VECTOR_LENGTH, 1, bias=False))
    return vector


def swift_predictor(ops: Ops, picture: Any) -> Any:
    """Read a style vector for :func:`swift_transformer`; parameters as of :func:`_predictor`."""
    return _predictor(ops, picture, swift_transformer)


def fine_predictor(ops: Ops, picture: Any) -> Any:
    """Read a style vector for :func:`fine_transformer`; parameters as of :func:`_predictor`."""
    return _predictor(ops, picture, fine_transformer)


#: Transformer and predictor of each architecture.
PAIRS: dict[str, tuple[Callable, Callable]] = {
    'swift': (swift_transformer, swift_predictor), 'fine': (fine_transformer, fine_predictor),
    'magenta': (magenta_transformer, magenta_predictor)}
