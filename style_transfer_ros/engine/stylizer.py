# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The stylizer: learns style vectors from pictures and paints frames with them.

::

    from style_transfer_ros.engine.pictures import read_picture
    from style_transfer_ros.engine.stylizer import Stylizer

    stylizer = Stylizer.load()
    vector = stylizer.learn_style(read_picture('styles/starry_night.jpg'))
    painted = stylizer.paint(frame, vector)         # (H, W, 3) uint8 RGB, any size
"""
from __future__ import annotations

from collections.abc import Sequence
import math
import threading

import cv2
import numpy as np

from style_transfer_ros.engine import model_check, pictures
from style_transfer_ros.engine.errors import check_within, shown, StyleError
from style_transfer_ros.engine.models import load_model, Model
from style_transfer_ros.engine.networks import STYLE_PICTURE_SIZE, STYLE_VECTOR_LENGTH
from style_transfer_ros.engine.runtimes import chosen, load_runtime, Runtime

#: Pixels that are painted at once, a 4K frame; larger frames are painted at this size and enlarged.
LARGEST_PAINTING = 3840 * 2160
#: More than any machine has; a runtime makes as many as it is told.
_MOST_THREADS = 256
#: Frames with a shorter side than this are padded up to it, pixels.
_SMALLEST = 16


class Stylizer:
    """
    A model in a runtime.

    Any thread may call its methods: one learns while another one paints, and two that paint take turns.
    """

    def __init__(self, model: Model, runtime: Runtime) -> None:
        self.model = model
        self.runtime = runtime
        # a runtime computes one painting at a time, and paint() needs the predictor too, for magenta's strength
        self._predictor_lock, self._transformer_lock = threading.Lock(), threading.Lock()

    @classmethod
    def load(cls, model: str = 'swift', runtime: str = 'auto', threads: int = 0) -> Stylizer:
        """
        Load a model; takes about a second, and two more for networks that are not ours: a process checks them first.

        :param model: ``swift``, ``fine``, ``magenta`` or the path of a model directory.
        :param runtime: ``auto``, ``openvino``, ``onnxruntime`` or ``tensorflow``.
        :param threads: CPU threads, 0: all.
        :raises ModelError: the model is unknown or damaged, or its networks cannot be used.
        :raises RuntimeMissing: the runtime is unknown or not installed.
        :raises ParameterError: the number of threads is out of its range.
        """
        check_within('threads', threads, 0, _MOST_THREADS)
        found = load_model(model)
        name = chosen(runtime, found)
        if name != 'fake' and not model_check.is_ours(found.folder):
            model_check.check(found, name)
        return cls(found, load_runtime(name, found, threads))

    @property
    def vector_length(self) -> int:
        """Numbers in a style vector of this model."""
        identity = self.model.identity_vector
        return STYLE_VECTOR_LENGTH if identity is None else len(identity)

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        """
        Read the style of a picture, once; the vector serves for every frame.

        :param picture: (H, W, 3) uint8 RGB, any size; its centre square is read.
        :returns: the style vector, (K,) float32; K is the model's own.
        :raises ImageError: the array is no such picture.
        """
        pictures.check_rgb(picture, 'The style picture')
        square = pictures.square(picture, STYLE_PICTURE_SIZE)
        with self._predictor_lock:
            return self.runtime.predict(square)

    def mix(self, vectors: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
        """
        Mix any number of style vectors.

        :param weights: one for each vector, none negative; they are divided by their sum.
        :returns: the weighted mean, (K,) float32.
        :raises StyleError: the weights do not fit.
        """
        amounts = np.asarray(weights, np.float64)
        if not len(vectors):
            raise StyleError('There are no styles to mix; give at least one name and its weight.')
        if amounts.shape != (len(vectors),):
            raise StyleError(f'There are {len(vectors)} styles and {amounts.size} weights; give each style one weight.')
        if not np.isfinite(amounts).all() or (amounts < 0).any() or amounts.sum() <= 0:
            raise StyleError(f'The weights are {shown(amounts.tolist())}; choose finite ones, none negative, not all '
                             'zero.')
        rows = np.stack([np.asarray(v, np.float64) for v in vectors])
        return (amounts / amounts.sum() @ rows).astype(np.float32)

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0, preserve_color: bool = False,
              processing_height: int = 0) -> np.ndarray:
        """
        Paint a frame.

        :param frame: (H, W, 3) uint8 RGB, any size from 1x1.
        :param vector: a style vector of this model, (K,).
        :param strength: 0 (the photo, as the network returns it) to 1 (the style).
        :param preserve_color: keep the frame's colours, take only lightness from the painting.
        :param processing_height: paint at this height, pixels, and enlarge; 0: as it is, up to
            :data:`LARGEST_PAINTING`.
        :returns: a new array of the frame's size.
        :raises ImageError: the array is no such frame.
        :raises StyleError: the vector is not one of this model.
        :raises ParameterError: a setting is out of its range.
        """
        pictures.check_rgb(frame, 'The frame')
        check_within('strength', strength, 0, 1)
        check_within('processing_height', processing_height, 0, math.inf)
        try:
            vector = np.asarray(vector, np.float32)
        except (TypeError, ValueError):
            vector = np.empty(0, np.float32)
        if vector.shape != (self.vector_length,) or not np.isfinite(vector).all():
            raise StyleError(f'The style vector has the shape {vector.shape} or numbers that are not finite, but the '
                             f"model '{self.model.name}' takes {self.vector_length} finite numbers; learn the style "
                             'with it.')
        height, width = frame.shape[:2]
        small = frame
        share = min(1.0, math.sqrt(LARGEST_PAINTING / (height * width)), (processing_height or height) / height)
        if share < 1:
            size = max(1, int(width * share + 0.5)), max(1, int(height * share + 0.5))
            small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        if strength < 1:
            origin = self.model.identity_vector
            if origin is None:
                origin = self.learn_style(small)
            vector = strength * vector + (1 - strength) * origin
        # networks that mirror at their own borders need a few pixels to mirror
        multiple = self.model.size_multiple if min(small.shape[:2]) >= _SMALLEST else _SMALLEST
        padded = pictures.pad_to_multiple(small, multiple)
        with self._transformer_lock:
            painted = self.runtime.paint(padded, np.asarray(vector, np.float32))[:small.shape[0], :small.shape[1]]
        if small is not frame:
            painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC)
        if preserve_color:
            painted = pictures.preserve_color(painted, frame)
        return np.ascontiguousarray(painted)
