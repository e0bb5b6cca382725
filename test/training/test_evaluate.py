"""The evaluation runs from pictures to report and sheets, here with painters that cost nothing."""
import cv2
import numpy as np
import pytest

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stylizer import Stylizer
from training import heldout, sheets
from training.evaluate import Evaluation, MAIN, Photograph

RNG = np.random.default_rng(0)


def picture(height: int = 270, width: int = 300) -> np.ndarray:
    return cv2.resize(RNG.integers(0, 256, (30, 30, 3)).astype(np.uint8), (width, height))


@pytest.fixture
def folder(tmp_path):
    """Make a folder with two contents, two styles and a video of a moving picture."""
    for part in ('contents', 'styles', 'videos'):
        (tmp_path / part).mkdir()
    for n in range(2):
        cv2.imwrite(str(tmp_path / f'contents/content{n}.png'), picture())
        cv2.imwrite(str(tmp_path / f'styles/style{n}.png'), picture())
    scene = picture(140, 400)
    video = cv2.VideoWriter(str(tmp_path / 'videos/pan.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (160, 120))
    for n in range(44):
        video.write(scene[:120, 2 * n:2 * n + 160])
    video.release()
    return tmp_path


def test_every_measure_and_sheet_is_there(folder):
    fake = Stylizer.load('fake')
    painters = {'swift': fake, 'magenta': fake, 'photograph': Photograph()}
    evaluation = Evaluation(painters, heldout.gather(folder, folder), fake, None)
    evaluation.pairs(3)
    evaluation.checkerboard()
    evaluation.shifted()
    evaluation.identity()
    evaluation.still()
    evaluation.moving()
    report = evaluation.report()
    for measure in MAIN:
        assert set(report[measure]) == {'swift', 'magenta', 'photograph'}
        assert report['swift_over_magenta'][measure] == 1       # both are the same painter
    assert report['content_distance']['photograph'] == pytest.approx(0, abs=1e-3)
    assert report['identity_psnr'] == {'swift': 99, 'magenta': 99, 'photograph': 99}
    assert report['flicker_static']['photograph'] == pytest.approx(4, rel=0.1)
    assert report['with_smoothing']['flicker_static']['photograph'] < report['flicker_static']['photograph'] / 2
    assert report['more']['shift_error']['photograph'] == 0
    assert len(report['pairs']) == 3
    assert '| flicker_static | ' in sheets.table(report, MAIN)
    drawn = sheets.draw(evaluation)
    assert set(drawn) == {'pairs', 'strength', 'mixing', 'flat', 'crops'}
    assert all(sheet.dtype == np.uint8 and sheet.ndim == 3 for sheet in drawn.values())


def test_an_empty_folder_is_one_sentence(tmp_path):
    with pytest.raises(StyleTransferError, match='There are no contents in '):
        heldout.gather(tmp_path, tmp_path)


def test_a_file_that_is_no_video_is_one_sentence(tmp_path):
    (tmp_path / 'broken.avi').write_bytes(b'no video')
    with pytest.raises(StyleTransferError, match='cannot be read'):
        heldout.clip(tmp_path / 'broken.avi', 3, 100)
