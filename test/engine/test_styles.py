# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Styles are learned, found, mixed, kept where the disk allows, and never lost by a change of model."""
from dataclasses import replace
import os
from pathlib import Path
import shutil

import numpy as np
import pytest

from style_transfer_ros.engine.errors import ImageError, StyleError
from style_transfer_ros.engine.library import StyleLibrary
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.pictures import encode_png
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import bundled_styles

RED = np.full((64, 64, 3), (255, 0, 0), np.uint8)
BLUE = RED[..., ::-1].copy()


def a_stylizer(model='fake'):
    return Stylizer(Model(model, Path(), 'fake', 1, np.zeros(100, np.float32), False), FakeRuntime())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'styles'


@pytest.fixture
def styles(folder):
    return Styles(a_stylizer(), StyleLibrary(folder))


def test_a_learned_style_is_found_after_a_restart(styles, folder):
    learned = styles.learn(RED, 'red', 'a test')
    assert learned.title == 'red' and learned.note == '' and learned.vector[0] == 1
    found = Styles(a_stylizer(), StyleLibrary(folder)).find('red')
    assert (found.vector == learned.vector).all() and found.style.source == 'a test'


def test_a_picture_without_a_name_gets_the_next_free_number(styles):
    assert [styles.learn(RED).title for _ in range(2)] == ['style_1', 'style_2']
    styles.remove('style_1')
    assert styles.learn(RED).title == 'style_3'


def test_pictures_without_a_name_that_are_learned_at_once_are_all_kept(styles, folder, monkeypatch):
    """Another process, or a damaged file, has the next number."""
    folder.mkdir(exist_ok=True)
    (folder / 'style_2.style').write_text('damaged')
    other = Styles(a_stylizer(), StyleLibrary(folder))
    monkeypatch.setattr(other, '_free_name', lambda: 'style_1')     # it looked before the first was stored
    assert [one.learn(RED).title for one in (styles, other, other)] == ['style_1', 'style_3', 'style_4']
    assert styles.names() == ['style_1', 'style_3', 'style_4']
    assert (folder / 'style_2.style').read_text() == 'damaged'


def test_learning_under_an_existing_name_replaces_that_style(styles):
    styles.learn(RED, 'sky')
    styles.learn(BLUE, 'sky')
    assert styles.names() == ['sky'] and styles.find('sky').vector[2] == 1


def test_a_uri_is_read_below_the_allowed_folders_only(folder, tmp_path):
    allowed, secret = tmp_path / 'allowed', tmp_path / 'secret.png'
    allowed.mkdir()
    for path in (allowed / 'rose.png', secret):
        path.write_bytes(encode_png(RED))
    (allowed / 'link.png').symlink_to(secret)
    styles = Styles(a_stylizer(), StyleLibrary(folder), [allowed])
    assert styles.learn_uri('rose.png').title == 'rose'
    for uri in ('../secret.png', str(secret), 'link.png', secret.as_uri()):
        with pytest.raises(ImageError, match='outside the style directories'):
            styles.learn_uri(uri)


def test_bundled_styles_come_once_and_one_that_was_removed_stays_removed(styles, folder):
    styles.learn_bundled()
    assert styles.names() == list(bundled_styles())
    styles.remove('great_wave')
    styles.learn_bundled()
    again = Styles(a_stylizer(), StyleLibrary(folder))
    again.learn_bundled()
    assert 'great_wave' not in again.names() and len(again.names()) == len(bundled_styles()) - 1


def test_one_bundled_style_can_come_before_the_others(styles):
    styles.learn_bundled(only='poppies')
    assert styles.names() == ['poppies']
    styles.learn_bundled()
    assert len(styles.names()) == len(bundled_styles())


def test_a_disk_that_takes_nothing_stops_no_painting_and_is_told_and_tried_again(tmp_path, monkeypatch):
    file = tmp_path / 'file'
    file.write_text('')
    styles = Styles(a_stylizer(), StyleLibrary(file / 'styles'))        # a folder that cannot be made
    styles.learn_bundled()
    learned = styles.learn(RED, 'red')
    assert 'not kept' in learned.note and learned.note.endswith('.')
    assert styles.find('red').vector[0] == 1 and len(styles.names()) == len(bundled_styles()) + 1
    problem = styles.problems()[-1]
    assert 'are not kept' in problem and problem.endswith('.') and len(problem) < 400
    file.unlink()                                                       # now there is room
    monkeypatch.setattr(styles, '_retry_at', 0.0)
    assert 'red' in styles.names()
    assert styles.problems() == [] and StyleLibrary(file / 'styles').get('red').vector[0] == 1


def test_a_style_that_is_not_kept_can_be_removed(tmp_path):
    (tmp_path / 'file').write_text('')
    styles = Styles(a_stylizer(), StyleLibrary(tmp_path / 'file' / 'styles'))
    styles.learn(RED, 'red')
    styles.remove('red')
    with pytest.raises(StyleError):
        styles.find('red')


def test_on_a_full_disk_a_removed_style_is_gone_also_where_an_older_one_is_stored(styles, monkeypatch):
    styles.learn(RED, 'red')
    monkeypatch.setattr(StyleLibrary, 'put', refuse)
    assert 'not kept' in styles.learn(BLUE, 'red').note
    styles.remove('red')
    assert styles.names() == []


def test_a_style_that_is_not_kept_is_found_and_renamed_under_every_spelling_of_its_name(styles, monkeypatch):
    monkeypatch.setattr(StyleLibrary, 'put', refuse)
    accented = 'caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}'
    styles.learn(RED, accented)
    assert styles.find(accented).title == styles.find('café').title == 'café'
    styles.learn(BLUE, 'sky')
    with pytest.raises(StyleError, match='already'):
        styles.rename(accented, 'sky')
    assert styles.rename(accented, 'tea').name == 'tea' and styles.names() == ['sky', 'tea']


def test_a_style_does_not_get_the_name_of_one_that_is_not_kept(styles, monkeypatch):
    styles.learn(RED, 'red')
    put = StyleLibrary.put
    monkeypatch.setattr(StyleLibrary, 'put', refuse)
    styles.learn(BLUE, 'sky')
    monkeypatch.setattr(StyleLibrary, 'put', put)
    with pytest.raises(StyleError, match="There is a style 'sky' already"):
        styles.rename('red', 'sky')
    assert styles.names() == ['red', 'sky'] and styles.find('red').vector[0] == styles.find('sky').vector[2] == 1


def test_a_style_that_is_not_kept_stays_where_an_older_one_of_its_name_cannot_be_removed(styles, monkeypatch):
    def refuse_removal(library, name):
        raise StyleError('The disk is read-only.')
    styles.learn(RED, 'sky')
    monkeypatch.setattr(StyleLibrary, 'put', refuse)
    monkeypatch.setattr(StyleLibrary, 'remove', refuse_removal)
    styles.learn(BLUE, 'sky')
    for act in (lambda: styles.remove('sky'), lambda: styles.rename('sky', 'sea')):
        with pytest.raises(StyleError, match='read-only'):
            act()
        assert styles.names() == ['sky'] and styles.find('sky').vector[2] == 1


def test_a_look_into_the_library_keeps_what_waits_and_finds_what_others_stored(styles, folder, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(StyleLibrary, 'put', refuse)
        styles.learn(RED, 'red')
    Styles(a_stylizer(), StyleLibrary(folder)).learn(BLUE, 'blue')
    styles.check('red')
    with pytest.raises(StyleError, match="'blue' is not in the library"):
        styles.check('blue')
    styles.look_again()
    styles.check('blue')
    assert StyleLibrary(folder).names() == ['blue', 'red']


def test_a_look_into_a_library_that_cannot_be_read_raises_nothing(styles, folder):
    styles.learn(RED, 'red')
    shutil.rmtree(folder)
    styles.look_again()
    assert 'cannot be read' in styles.problems()[0]


def refuse(library, style, anew):
    """Stand for a disk without room."""
    raise StyleError('The disk is full.')


def test_a_style_of_another_model_is_learned_again_once_from_its_picture(styles, folder):
    styles.learn(RED, 'red')
    other = Styles(a_stylizer('newer'), StyleLibrary(folder))
    found = other.find('red')
    assert found.style.model == 'newer' and found.vector[0] > 0.98
    assert other.find('red').style is found.style                       # not learned twice
    assert styles.find('red').style.model == 'fake'                     # what is stored stays


def test_a_style_of_another_model_without_a_picture_is_refused(styles, folder):
    library = StyleLibrary(folder)
    library.put(replace(styles.learn(RED, 'red').style, thumbnail=b''))
    with pytest.raises(StyleError, match="learned with the model 'fake' and has no picture"):
        Styles(a_stylizer('newer'), library).find('red')


def test_styles_are_mixed_by_their_weights(styles):
    styles.learn(RED, 'red')
    styles.learn(BLUE, 'blue')
    mix = styles.mix(['red', 'blue'], [3, 1])
    assert mix.title == '75% red + 25% blue' and (mix.names, mix.weights) == (('red', 'blue'), (0.75, 0.25))
    assert (mix.vector[0], mix.vector[2]) == (0.75, 0.25) and mix.style.source == 'mix'


@pytest.mark.parametrize('names, weights, part', [([], [], 'no styles'), (['red'], [1, 2], '1 styles and 2 weights'),
                                                  (['red'], [0], 'not all zero'), (['red'], [float('nan')], 'finite'),
                                                  (['red', 'nobody'], [1, 1], 'nobody')])
def test_a_mix_that_is_not_possible_is_refused(styles, names, weights, part):
    styles.learn(RED, 'red')
    with pytest.raises(StyleError, match=part):
        styles.mix(names, weights)


def test_many_impossible_weights_are_not_echoed_and_a_negative_zero_is_zero(styles):
    styles.learn(RED, 'red')
    with pytest.raises(StyleError, match='finite') as caught:
        styles.mix(['red'] * 3000, [float('nan')] * 3000)
    assert len(str(caught.value)) < 300
    assert styles.mix(['red', 'red'], [-0.0, 1.0]).title == '0% red + 100% red'


def test_a_word_of_a_user_means_a_file_a_bundled_or_a_stored_style(styles, tmp_path):
    path = tmp_path / 'rose.png'
    path.write_bytes(encode_png(RED))
    styles.learn(BLUE, 'mine')
    assert styles.choose(str(path)).vector[0] == 1 and styles.choose('mine').vector[2] == 1
    assert styles.choose(f'file://{path}').vector[0] == 1
    assert styles.choose('great_wave').title == 'great_wave'
    assert styles.names() == ['mine']                                   # choosing stores nothing
    with pytest.raises(StyleError, match='No picture file and no bundled style'):
        styles.choose('nobody')


def test_the_next_name_goes_round(styles):
    with pytest.raises(StyleError, match='no style yet'):
        styles.next_name('')
    for name in 'ab':
        styles.learn(RED, name)
    assert [styles.next_name(name) for name in ('', 'a', 'b', 'c')] == ['a', 'b', 'a', 'a']


def test_a_folder_that_is_lost_is_told_once_it_matters(styles, folder):
    styles.learn(RED, 'red')
    shutil.rmtree(folder)
    with pytest.raises(StyleError, match='cannot be read'):
        styles.names()
    assert not os.path.exists(folder)
    assert styles.learn(RED, 'red').note == '' and styles.names() == ['red']


def test_pictures_without_a_name_that_two_programs_learn_on_a_full_disk_are_both_kept(folder, monkeypatch):
    first, second = (Styles(a_stylizer(), StyleLibrary(folder)) for _ in range(2))
    with monkeypatch.context() as full:
        full.setattr(StyleLibrary, 'put', refuse)
        assert [first.learn(RED).title, second.learn(BLUE).title] == ['style_1', 'style_1']
    for styles in (first, second):
        styles._retry_at = 0.0
        styles.look_again()
    assert first.names() == second.names() == ['style_1', 'style_2']
    assert second.find('style_1').vector[0] == second.find('style_2').vector[2] == 1
