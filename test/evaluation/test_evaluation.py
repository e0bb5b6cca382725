# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The evaluation runs from pictures to report, sheets and a blind look, here with painters that cost nothing."""
import json

import cv2
import numpy as np
import pytest

from evaluation import held_out, look, report
from evaluation.evaluation import Evaluation, MAIN
from evaluation.gram import gram_distance
from evaluation.painters import Photograph
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stylizer import Stylizer

RNG = np.random.default_rng(0)


def picture(height: int = 270, width: int = 300) -> np.ndarray:
    return cv2.resize(RNG.integers(0, 256, (30, 30, 3)).astype(np.uint8), (width, height))


class Colours:
    """A judge of style that sees nothing but colours."""

    def grams(self, picture):
        pixels = picture.reshape(-1, 3) / 255
        return [pixels.T @ pixels / len(pixels)]


JUDGES = {'gram_vgg': Colours(), 'gram_resnet': Colours()}


@pytest.fixture
def folder(tmp_path):
    """Make a folder with two contents, two styles and a video of a moving picture."""
    for part in ('contents', 'styles', 'videos'):
        (tmp_path / part).mkdir()
    for n in range(2):
        cv2.imwrite(str(tmp_path / f'contents/content{n}.png'), picture())
        cv2.imwrite(str(tmp_path / f'styles/style{n}.png'), picture(200 + 80 * n, 300))
    scene = picture(140, 400)
    video = cv2.VideoWriter(str(tmp_path / 'videos/pan.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (160, 120))
    for n in range(44):
        video.write(scene[:120, 2 * n:2 * n + 160])
    video.release()
    return tmp_path


def test_every_measure_and_sheet_is_there(folder):
    fake = Stylizer.load('fake')
    evaluation = Evaluation({'swift': fake, 'magenta': fake, 'photograph': Photograph()},
                            held_out.gather(folder, folder), JUDGES)
    found = evaluation.run(3)
    for measure in MAIN:
        assert set(found[measure]) == {'swift', 'magenta', 'photograph'}
        assert found[measure]['swift'] == found[measure]['magenta']         # both are the same painter
    assert found['octaves']['magenta'] == [1] * 5
    assert found['identity_psnr'] == {'swift': 99, 'magenta': 99, 'photograph': 99}
    assert found['flicker_static']['photograph'] == pytest.approx(4, rel=0.1)
    assert found['with_smoothing']['flicker_static']['photograph'] < found['flicker_static']['photograph'] / 2
    assert found['more']['shift_error']['photograph'] == 0
    assert len(found['pairs']) == 3
    assert json.loads(json.dumps(found)) == found
    assert '| flicker_static | ' in report.table(found)
    drawn = report.draw(evaluation)
    assert set(drawn) == {'pairs', 'strength', 'mixing', 'flat', 'crops'}
    assert all(sheet.dtype == np.uint8 and sheet.ndim == 3 for sheet in drawn.values())


def test_the_distance_of_gram_matrices_is_relative_to_their_size():
    a, b = np.eye(3), np.ones((3, 3))
    assert gram_distance([a], [a]) == 0
    assert gram_distance([a], [b]) == pytest.approx(gram_distance([100 * a], [100 * b]))
    assert gram_distance([a], [0 * a]) == pytest.approx(1)


def test_the_sheets_of_a_blind_look_hide_the_names_and_the_key_has_them(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(look, 'judges', lambda cache: JUDGES)
    fake = Stylizer.load('fake')
    look.make({'swift': fake, 'magenta': fake, 'photograph': Photograph()}, held_out.gather(folder, folder), tmp_path,
              3, 1, tmp_path / 'look')
    key = json.loads((tmp_path / 'look' / 'key.json').read_text())
    assert list(key) == ['1', '2', '3']
    for number, entry in key.items():
        assert sorted(x['network'] for x in entry['letters'].values()) == ['magenta', 'swift']
        assert cv2.imread(str(tmp_path / 'look' / f'sheet_{int(number):02}.png')).shape[0] > 2 * 384


def key_of(*sheets):
    return {str(n): {'letters': {letter: {'network': network, 'edge_width': width, 'edge_agreement': 1 / width}
                                 for letter, (network, width) in zip('ABC', sheet)}}
            for n, sheet in enumerate(sheets, 1)}


def test_ranks_say_who_is_preferred_and_how_well_measures_agree():
    key = key_of([('swift', 1.0), ('magenta', 2.0)], [('magenta', 2.0), ('swift', 3.0)])
    ranks = {1: {'wall': ['A', 'B'], 'scene': ['A', 'B']}, 2: {'wall': ['B', 'A'], 'scene': ['A', 'B']}}
    found = look.agreement(key, ranks)
    assert found['wall']['preferred'] == {'swift': {'magenta': 1}, 'magenta': {'swift': 0}}
    assert found['wall']['last'] == {'magenta': 2}
    assert found['scene']['mean_rank'] == {'swift': 1.5, 'magenta': 1.5}
    assert found['wall']['measures'] == {'edge_width': 0.5, 'edge_agreement': 0.5}
    assert found['scene']['measures'] == {'edge_width': 1, 'edge_agreement': 1}


def test_a_rank_that_forgets_a_letter_is_one_sentence():
    with pytest.raises(StyleTransferError, match="Sheet 1 has the letters A, B, 'wall' ranks B; rank each letter once"):
        look.agreement(key_of([('swift', 1.0), ('magenta', 2.0)]), {1: {'wall': ['B'], 'scene': ['A', 'B']}})


def test_an_empty_folder_is_one_sentence(tmp_path):
    with pytest.raises(StyleTransferError, match='There are no contents in '):
        held_out.gather(tmp_path, tmp_path)


def test_a_file_that_is_no_video_is_one_sentence(tmp_path):
    (tmp_path / 'broken.avi').write_bytes(b'no video')
    with pytest.raises(StyleTransferError, match='cannot be read'):
        held_out.clip(tmp_path / 'broken.avi', 3, 100)
