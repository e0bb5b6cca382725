# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What is fuzzed: functions of one ``bytes`` that raise :class:`Broken` where a promise is broken.

The promise: an input is read, or refused by one clear short sentence; never another exception, a hang or a crash.
Messages of ROS are inputs in their serialized form, so that every input that ever failed is one file of the corpus.
"""
from __future__ import annotations

import base64
from collections.abc import Callable
import hashlib
import json
import os
from pathlib import Path
import tempfile
from typing import Any

import numpy as np
import yaml

from style_transfer_ros.engine import compressed, encodings, pictures
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.library import _checksum, _file_name, StyleLibrary
from style_transfer_ros.engine.models import Model, read_model, SCHEMA
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer

LONGEST_SENTENCE = 700
#: For files; child processes share it, and the first process removes it.
SCRATCH = Path(os.environ.get('FUZZ_SCRATCH') or tempfile.mkdtemp(prefix='style_transfer_fuzz_'))
os.environ['FUZZ_SCRATCH'] = str(SCRATCH)


#: What the middleware could not read, and no node would see.
unreadable: list[type] = []
#: The sentence of the last refusal.
refused: list[str] = []


class Broken(AssertionError):
    """A promise was broken."""


def promised(work: Callable[[], Any]) -> Any:
    """
    Do some work that may be refused; return what it gives, or None if it is refused.

    :raises Broken: it is refused by anything but one clear short sentence.
    """
    try:
        return work()
    except StyleTransferError as error:
        check_sentence(str(error))
        refused[:] = [str(error)]
        return None
    except Exception as error:
        raise Broken(f'{type(error).__name__} is no refusal: {error}') from error


def check_sentence(text: str) -> None:
    """Check that a refusal is one clear short sentence."""
    if not text.endswith('.') or '\n' in text or 'Traceback' in text or len(text) > LONGEST_SENTENCE:
        raise Broken(f'no clear short sentence: {text[:1000]!r}')


def check_rgb(rgb: np.ndarray | None) -> None:
    """Check the form of a picture."""
    if rgb is not None and (rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape):
        raise Broken(f'no RGB picture: {rgb.dtype} {rgb.shape}')


def picture(data: bytes) -> None:
    """Read a picture file."""
    check_rgb(promised(lambda: pictures.decode_picture(data, 'The picture')))


def compressed_image(data: bytes) -> None:
    """Read the format, one byte for its length first, and the data of a CompressedImage."""
    length = data[0] if data else 0
    form = data[1:1 + length].decode('utf-8', 'replace')
    check_rgb(promised(lambda: compressed.decode(data[1 + length:], form)))


def raw_image(data: bytes) -> None:
    """Read encoding (its number), height, width, step and byte order, 2 bytes each, and the data of an Image."""
    number, height, width, step, big = np.frombuffer(data[:10].ljust(10, b'\0'), '<u2').tolist()
    encoding = sorted(encodings.ENCODINGS)[number % len(encodings.ENCODINGS)]
    check_rgb(promised(lambda: encodings.decode(data[10:], encoding, height, width, step, bool(big % 2))))


def style_file(data: bytes) -> None:
    """Read a file of the style library; one whose checksum is wrong is also tried with the right one."""
    folder = SCRATCH / 'library'
    folder.mkdir(exist_ok=True)
    attempts = [('red.style', data)]
    try:
        document = json.loads(data)
        document['checksum'] = _checksum(document)
        attempts.append((_file_name(str(document['name'])), json.dumps(document).encode()))
    except Exception:       # noqa: S110 - no document, or none that can be mended
        pass
    for name, content in attempts:
        path = folder / name
        path.write_bytes(content)
        library = StyleLibrary(folder)

        def read(library: StyleLibrary = library) -> None:
            library.styles()
            for problem in library.problems():
                check_sentence(problem)
            library.get('red')
        promised(read)
        path.unlink()


def model_description(data: bytes) -> None:
    """Read a model.yaml beside files whose checksums it may state."""
    folder = SCRATCH / 'model'
    folder.mkdir(exist_ok=True)
    for name in ('transformer.onnx', 'predictor.onnx'):
        (folder / name).write_bytes(b'x')
    (folder / 'model.yaml').write_bytes(data)
    promised(lambda: read_model(folder))


def calibration(data: bytes) -> None:
    """Read a calibration file."""
    from style_transfer_ros.ros.calibration import read_calibration
    path = SCRATCH / 'calibration.yaml'
    path.write_bytes(data)
    promised(lambda: read_calibration(str(path), 'camera', 640, 480))


def bag(data: bytes) -> None:
    """Read one file of a bag: MCAP, SQLite or ROS 1."""
    from style_transfer_ros.archive.bag_reader import Bag
    ending = 'mcap' if data[1:5] == b'MCAP' else 'bag' if data.startswith(b'#ROSBAG') else 'db3'
    path = SCRATCH / f'bag.{ending}'
    path.write_bytes(data)

    def read() -> None:
        with Bag(path) as opened:
            for count, item in enumerate(opened.messages()):
                str(item)
                if count > 1000:
                    break
    promised(read)


def learn_request(data: bytes) -> None:
    """Learn from a serialized SetStyle request."""
    from style_transfer_msgs.srv import SetStyle
    request = deserialized(data, SetStyle.Request)
    if request is not None:
        from style_transfer_ros.ros.style_services import learn
        promised(lambda: learn(fake_styles(), request))


def image_message(data: bytes) -> None:
    """Read a serialized Image."""
    _message(data, 'Image')


def compressed_message(data: bytes) -> None:
    """Read a serialized CompressedImage."""
    _message(data, 'CompressedImage')


def _message(data: bytes, kind: str) -> None:
    import sensor_msgs.msg
    message = deserialized(data, getattr(sensor_msgs.msg, kind))
    if message is not None:
        from style_transfer_ros.ros import messages
        check_rgb(promised(lambda: messages.to_rgb(message)))


def deserialized(data: bytes, kind: type) -> Any:
    """Read a message of ROS; None where the middleware refuses the bytes, as it does before a node sees them."""
    from rclpy.serialization import deserialize_message
    try:
        return deserialize_message(data, kind)
    except Exception:
        unreadable.append(kind)
        return None


_styles: list[Styles] = []


def fake_styles() -> Styles:
    """Return styles that are learned without networks, in a library of their own."""
    if not _styles:
        model = Model('fake', Path(), 'fake', 1, np.zeros(100, np.float32), False)
        _styles.append(Styles(Stylizer(model, FakeRuntime()), StyleLibrary(SCRATCH / 'styles')))
    return _styles[0]


#: Readers of bytes, which atheris fuzzes guided by coverage; each with a few good inputs to begin with.
BYTES: dict[str, Callable[[bytes], None]] = {
    'picture': picture, 'compressed_image': compressed_image, 'raw_image': raw_image, 'style_file': style_file,
    'model_description': model_description, 'calibration': calibration, 'bag': bag}
#: Serialized messages, which hypothesis generates; the services of the node are in ``services.py``.
MESSAGES: dict[str, Callable[[bytes], None]] = {
    'image_message': image_message, 'compressed_message': compressed_message, 'learn_request': learn_request}


def seeds(target: str) -> list[bytes]:
    """Return good inputs of a reader."""
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    import cv2
    files = {ending: cv2.imencode(ending, rgb)[1].tobytes() for ending in ('.jpg', '.png', '.webp', '.bmp', '.tiff')}
    depth = cv2.imencode('.png', np.full((4, 4), 2500, np.uint16))[1].tobytes()
    if target == 'picture':
        return [*files.values(), depth]
    if target == 'compressed_image':
        forms = [(f'rgb8; {ending[1:]} compressed bgr8', data) for ending, data in files.items()]
        forms += [('16UC1; png compressed ', depth), ('16UC1; compressedDepth png', bytes(12) + depth),
                  ('bayer_rggb8; png compressed ', cv2.imencode('.png', rgb[..., 0])[1].tobytes())]
        return [bytes([len(form)]) + form.encode() + data for form, data in forms]
    if target == 'raw_image':
        found = []
        for number, encoding in enumerate(sorted(encodings.ENCODINGS)):
            data, step = encodings.encode(rgb, encoding)
            found.append(np.array([number, *rgb.shape[:2], step, 0], '<u2').tobytes() + data.tobytes())
        return found
    if target == 'style_file':
        document = {'schema': 2, 'name': 'red', 'source': 'image', 'model': 'fake', 'vector': [1.0, 0.5],
                    'learned': 1.7e9, 'thumbnail': base64.b64encode(files['.jpg']).decode()}
        document['checksum'] = _checksum(document)
        return [json.dumps(document).encode()]
    if target == 'model_description':
        checksum = hashlib.sha256(b'x').hexdigest()
        return [yaml.safe_dump({'schema': SCHEMA, 'name': 'swift', 'architecture': 'swift', 'size_multiple': 4,
                                'identity_vector': [0.5] * 100, 'files': {
                                    'transformer.onnx': checksum, 'predictor.onnx': checksum}}).encode()]
    if target == 'calibration':
        def matrix(*data: float) -> dict:
            return {'rows': 1, 'cols': len(data), 'data': list(data)}
        return [yaml.safe_dump({
            'image_width': 640, 'image_height': 480, 'camera_name': 'c', 'distortion_model': 'plumb_bob',
            'camera_matrix': matrix(5, 0, 3, 0, 5, 2, 0, 0, 1), 'distortion_coefficients': matrix(0, 0, 0, 0, 0),
            'rectification_matrix': matrix(1, 0, 0, 0, 1, 0, 0, 0, 1),
            'projection_matrix': matrix(5, 0, 3, 0, 0, 5, 2, 0, 0, 0, 1, 0)}).encode()]
    return _bag_seeds(rgb)


def _bag_seeds(rgb: np.ndarray) -> list[bytes]:
    """Write one small bag in each form."""
    import shutil

    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import get_typestore, Stores
    store = get_typestore(Stores.ROS2_JAZZY)
    header = store.types['std_msgs/msg/Header'](store.types['builtin_interfaces/msg/Time'](1, 0), 'eye')
    image = store.types['sensor_msgs/msg/Image'](header, 6, 8, 'rgb8', 0, 24, rgb.reshape(-1))
    found = []
    for plugin in (StoragePlugin.MCAP, StoragePlugin.SQLITE3):
        folder = SCRATCH / 'seed'
        shutil.rmtree(folder, ignore_errors=True)
        with Writer(folder, version=9, storage_plugin=plugin) as writer:
            connection = writer.add_connection('/image_raw', 'sensor_msgs/msg/Image', typestore=store)
            for stamp in range(3):
                writer.write(connection, stamp, store.serialize_cdr(image, 'sensor_msgs/msg/Image'))
        found.append(next(folder.glob('seed.*')).read_bytes())
    from rosbags.rosbag1 import Writer as Writer1
    path = SCRATCH / 'seed.bag'
    path.unlink(missing_ok=True)
    store1 = get_typestore(Stores.ROS1_NOETIC)
    header = store1.types['std_msgs/msg/Header'](0, store1.types['builtin_interfaces/msg/Time'](1, 0), 'eye')
    image = store1.types['sensor_msgs/msg/Image'](header, 6, 8, 'rgb8', 0, 24, rgb.reshape(-1))
    with Writer1(path) as writer1:
        connection = writer1.add_connection('/image_raw', 'sensor_msgs/msg/Image', typestore=store1)
        writer1.write(connection, 1, store1.serialize_ros1(image, 'sensor_msgs/msg/Image'))
    return [*found, path.read_bytes()]
