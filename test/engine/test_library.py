# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The style library: what is stored comes back, and nothing else ever does."""
from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
import shutil
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.engine.library import _checksum, default_folder, LARGEST_FILE, NameTaken, Style, StyleLibrary

NAMES = ['starry night', '/etc/passwd', '.', '..', '../up', '.hidden', 'a.b', 'CON', 'a\\b', '100 %', '%2F', '~',
         '*?"<>|:', 'Große Welle', '神奈川沖浪裏', 'Звёздная ночь', 'می\u200cخواهم', '👩\u200d🎨', 'x' * 100,
         '波' * 100, '🎨' * 100]


def a_style(name: str = 'waves', seed: int = 0, **fields) -> Style:
    vector = np.random.default_rng(seed).normal(size=100).astype(np.float32)
    return Style(**{'name': name, 'source': 'a test', 'model': 'swift', 'vector': vector,
                    'thumbnail': bytes(range(256)) * 8, 'learned': 1.75e9 + seed / 3, **fields})


def same(a: Style, b: Style) -> bool:
    return (np.array_equal(a.vector, b.vector)
            and all(getattr(a, f) == getattr(b, f) for f in ('name', 'source', 'model', 'thumbnail', 'learned')))


@pytest.fixture
def library(tmp_path):
    return StyleLibrary(tmp_path / 'styles')


def only_file(library) -> Path:
    file, = library.folder.glob('*.style')
    return file


def rewrite(library, **changes) -> Path:
    """Change fields of the one stored style and put the right checksum on it."""
    file = only_file(library)
    document = {**json.loads(file.read_text('utf-8')), **changes}
    document['checksum'] = _checksum(document)
    file.write_text(json.dumps(document), 'utf-8')
    return file


def sentence(text: str) -> bool:
    return text.endswith('.') and '\n' not in text and 'Traceback' not in text and len(text) < 500


def test_a_style_survives_a_restart_bit_by_bit(library):
    library.put(a_style())
    assert same(StyleLibrary(library.folder).get('waves'), a_style())


def test_a_style_is_immutable_and_owns_its_vector():
    vector = np.zeros(100, np.float32)
    style = a_style(vector=vector)
    vector[0] = 1
    assert style.vector[0] == 0
    with pytest.raises(ValueError):
        style.vector[0] = 1


@pytest.mark.parametrize('name', NAMES)
def test_any_name_in_any_language_stays_inside_the_folder_and_comes_back(tmp_path, name):
    library = StyleLibrary(tmp_path / 'styles')
    library.put(a_style(name))
    assert StyleLibrary(library.folder).names() == [name]
    assert same(library.get(name), a_style(name))
    assert os.listdir(tmp_path) == ['styles']
    assert only_file(library).name.isascii() and len(only_file(library).name) < 143     # eCryptfs takes 143
    library.remove(name)
    assert library.names() == [] == os.listdir(library.folder)


def test_names_that_look_alike_as_files_do_not_meet(library):
    names = sorted(['a/b', 'a%2Fb', 'a b', 'a+b', '波' * 99 + 'a', '波' * 99 + 'b', '波' * 100])
    for seed, name in enumerate(names):
        library.put(a_style(name, seed))
    assert library.names() == names
    assert all(same(library.get(name), a_style(name, seed)) for seed, name in enumerate(names))


def test_a_name_typed_with_combining_accents_is_the_same_name(library):
    library.put(a_style('caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}'))
    assert library.names() == ['café']
    assert library.get('cafe\N{COMBINING ACUTE ACCENT}').name == 'café'


@pytest.mark.parametrize('name', ['', ' ', 'x' * 101, 'two\nlines', 'tab\t', 'nul\0', 'bell\a', '\ud800', '\u202e'])
def test_an_impossible_name_is_refused_with_a_sentence(library, name):
    for act in (a_style, library.get, library.remove):
        with pytest.raises(StyleError, match='printable') as error:
            act(name)
        assert sentence(str(error.value))
        str(error.value).encode()


@pytest.mark.parametrize('vector', [np.zeros(0), np.zeros(4097), np.zeros((100, 1)), np.full(100, np.nan),
                                    np.full(100, 1e300)])
def test_an_impossible_vector_is_refused(vector):
    with pytest.raises(StyleError, match='finite'):
        a_style(vector=vector)


@pytest.mark.parametrize('learned', [-1.0, float('nan'), 1e300])
def test_an_impossible_time_is_refused_before_it_is_stored(learned):
    with pytest.raises(StyleError, match='since 1970'):
        a_style(learned=learned)


def test_a_source_that_is_no_utf8_is_stored_readably(library):
    library.put(a_style(source='/pictures/caf\udce9.jpg'))
    assert library.get('waves').source == '/pictures/caf?.jpg'


def test_put_replaces_the_style_of_the_same_name(library):
    library.put(a_style(seed=1))
    library.put(a_style(seed=2))
    assert library.names() == ['waves'] and same(library.get('waves'), a_style(seed=2))
    assert len(os.listdir(library.folder)) == 1


def test_names_are_sorted(library):
    for name in 'cab':
        library.put(a_style(name))
    assert library.names() == ['a', 'b', 'c'] == [style.name for style in library.styles()]


def test_an_unknown_style_is_answered_with_the_known_ones(library):
    with pytest.raises(StyleError, match='none yet'):
        library.get('waves')
    for number in range(23):
        library.put(a_style(f'{number:02}'))
    for act in (library.get, library.remove):
        with pytest.raises(StyleError, match=r"'waves' is not .* it has 00, 01, .* 19 and 3 more\."):
            act('waves')


def test_long_names_are_not_listed_without_end(library):
    for number in range(9):
        library.put(a_style('x' * 90 + str(number)))
    with pytest.raises(StyleError, match=r'and 6 more\.') as caught:
        library.get('waves')
    assert len(str(caught.value)) < 400


def test_a_second_library_on_the_folder_sees_every_change_at_once(library):
    other = StyleLibrary(library.folder)
    library.put(a_style(seed=1))
    assert other.names() == ['waves'] and same(other.get('waves'), a_style(seed=1))
    library.put(a_style(seed=2))
    assert same(other.get('waves'), a_style(seed=2))
    library.remove('waves')
    assert other.names() == []
    with pytest.raises(StyleError, match='not in the library'):
        other.get('waves')


def test_a_file_is_parsed_once_until_it_is_replaced(library):
    library.put(a_style())
    first = library.get('waves')
    assert library.get('waves') is first is library.styles()[0]


DAMAGES = {
    'truncated': lambda data: data[:len(data) // 2],
    'empty': lambda data: b'',
    'one number changed': lambda data: data.replace(b'0.', b'1.', 1),
    'renamed inside': lambda data: data.replace(b'"waves"', b'"birds"'),
    'a picture': lambda data: b'\xff\xd8\xff\xe0' + bytes(500),
    'a list': lambda data: b'[1, 2, 3]',
    'another JSON': lambda data: b'{"name": "waves"}',
    'too deep': lambda data: b'[' * 100_000,
    'a huge file': lambda data: data + b' ' * LARGEST_FILE,
    'no UTF-8': lambda data: b'\xff\xfe{}',
}


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_or_foreign_file_is_named_once_never_loaded_never_deleted(library, damage):
    library.put(a_style('good'))
    library.put(a_style())
    file = library.folder / 'waves.style'
    broken = damage(file.read_bytes())
    file.write_bytes(broken)
    for reader in (library, StyleLibrary(library.folder)):
        assert reader.names() == ['good']
        problem, = reader.problems()
        assert str(file) in problem and sentence(problem)
        assert reader.problems() == []
        with pytest.raises(StyleError) as error:
            reader.get('waves')
        assert str(error.value) == problem
    assert file.read_bytes() == broken


@pytest.mark.parametrize('changes', [{'vector': []}, {'vector': ['a'] * 100}, {'vector': None}, {'name': 5},
                                     {'name': 'a\nb'}, {'source': None}, {'model': 3}, {'thumbnail': '?'},
                                     {'thumbnail': 7}, {'learned': 'today'}, {'learned': float('nan')},
                                     {'learned': 1e10}])
def test_a_wrong_field_under_a_right_checksum_is_damage_too(library, changes):
    library.put(a_style())
    rewrite(library, **changes)
    problem, = library.problems()
    assert 'is damaged' in problem and sentence(problem)
    assert library.names() == []


@pytest.mark.parametrize('schema', [3, 99, 0, '1', None])
def test_another_schema_is_left_alone_with_a_sentence(library, schema):
    library.put(a_style())
    rewrite(library, schema=schema)
    problem, = library.problems()
    assert f'schema {schema!r}' in problem and 'this version reads 1' in problem and sentence(problem)
    assert library.names() == []


def test_a_copied_file_does_not_shadow_the_original(library):
    library.put(a_style())
    copy = library.folder / 'waves (copy).style'
    copy.write_bytes(only_file(library).read_bytes())
    assert library.names() == ['waves']
    problem, = library.problems()
    assert str(copy) in problem and 'waves.style' in problem


def test_a_repaired_file_is_loaded_and_a_new_damage_is_named_again(library):
    library.put(a_style())
    good = only_file(library).read_bytes()
    only_file(library).write_bytes(b'')
    assert len(library.problems()) == 1
    only_file(library).write_bytes(good)
    assert library.problems() == [] and library.names() == ['waves']
    only_file(library).write_bytes(b'{}')
    assert len(library.problems()) == 1


def test_learning_again_mends_a_damaged_file(library):
    library.put(a_style())
    only_file(library).write_bytes(b'')
    assert library.names() == []
    library.put(a_style())
    assert library.names() == ['waves'] and library.problems() == []


def test_what_is_no_regular_file_is_ignored(library):
    library.folder.mkdir()
    (library.folder / 'folder.style').mkdir()
    os.mkfifo(library.folder / 'pipe.style')
    (library.folder / 'nowhere.style').symlink_to('missing')
    (library.folder / 'README').write_text('no style')
    assert library.names() == [] == library.problems()
    with pytest.raises(StyleError, match='not in the library'):
        library.get('pipe')


def test_only_the_user_may_read_what_is_stored(library):
    library.put(a_style())
    assert stat.S_IMODE(library.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(library).stat().st_mode) == 0o600


def test_others_may_read_what_is_stored_in_a_folder_that_was_opened_for_them(library):
    library.folder.mkdir()
    library.folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        library.put(a_style())
    finally:
        os.umask(before)
    assert stat.S_IMODE(only_file(library).stat().st_mode) == 0o644


def test_a_file_of_the_first_schema_is_read(library):
    library.put(a_style())
    document = json.loads(only_file(library).read_text('utf-8'))
    document |= {'schema': 1, 'network': document.pop('model')}
    document['checksum'] = _checksum(document)
    only_file(library).write_text(json.dumps(document), 'utf-8')
    assert same(StyleLibrary(library.folder).get('waves'), a_style())


def test_a_style_gets_another_name_that_is_free(library):
    library.put(a_style('waves'))
    library.put(a_style('sky'))
    assert same(library.rename('waves', 'sea'), a_style('sea')) and library.names() == ['sea', 'sky']
    with pytest.raises(StyleError, match="'sky' already"):
        library.rename('sea', 'sky')
    with pytest.raises(StyleError, match="'waves' is not in the library"):
        library.rename('waves', 'sea')
    assert library.rename('sea', 'sea').name == 'sea' and library.names() == ['sea', 'sky']


def test_a_style_whose_old_name_cannot_be_removed_keeps_only_that_name(library, monkeypatch):
    library.put(a_style('waves'))
    unlink = Path.unlink

    def refuse(path, missing_ok=False):     # another user's file in a folder with the sticky bit
        if path.name == 'waves.style':
            raise PermissionError(errno.EPERM, 'Operation not permitted')
        unlink(path, missing_ok)
    monkeypatch.setattr(Path, 'unlink', refuse)
    with pytest.raises(StyleError, match="'waves' cannot be removed"):
        library.rename('waves', 'sea')
    assert library.names() == ['waves']


def test_a_style_whose_old_name_is_gone_already_has_the_new_one(library, monkeypatch):
    library.put(a_style('waves'))
    put = StyleLibrary.put

    def put_while_another_removes(self, style, anew=False):
        put(self, style, anew)
        (self.folder / 'waves.style').unlink()
    monkeypatch.setattr(StyleLibrary, 'put', put_while_another_removes)
    assert library.rename('waves', 'sea').name == 'sea' and library.names() == ['sea']


def test_a_check_does_not_touch_the_disk(library, monkeypatch):
    library.put(a_style('waves'))
    library.put(a_style('sky'))
    library.remove('sky')
    (library.folder / 'broken.style').write_text('{')
    other = StyleLibrary(library.folder)
    assert other.names() == ['waves']
    StyleLibrary(library.folder).put(a_style('sea'))        # after the others have looked

    def touched(*arguments):
        raise AssertionError('the disk is touched')
    with monkeypatch.context() as patched:
        for owner, name in ((os, 'listdir'), (Path, 'stat'), (Path, 'open')):
            patched.setattr(owner, name, touched)
        for one in (library, other):
            one.check('waves')
            for unknown in ('sky', 'sea'):
                with pytest.raises(StyleError, match='is not in the library; it has waves'):
                    one.check(unknown)
        with pytest.raises(StyleError, match='is no style file'):
            other.check('broken')


@pytest.mark.parametrize('links', [True, False])
def test_a_style_that_is_stored_anew_replaces_none_also_where_a_disk_has_no_hard_links(library, monkeypatch, links):
    def refuse(*_):
        raise PermissionError(errno.EPERM, 'Operation not permitted')
    if not links:
        monkeypatch.setattr(os, 'link', refuse)
    library.put(a_style('waves', 1), anew=True)
    with pytest.raises(NameTaken, match="There is a style 'waves' already"):
        library.put(a_style('waves', 2), anew=True)
    assert same(library.get('waves'), a_style('waves', 1)) and os.listdir(library.folder) == ['waves.style']


def test_a_mark_is_seen_by_every_library_on_the_folder_and_is_no_style(library):
    assert not library.is_marked('waves')
    library.mark('waves')
    assert StyleLibrary(library.folder).is_marked('waves') and not library.is_marked('sky')
    assert library.names() == [] == library.problems()


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_stays(library):
    library.put(a_style())
    left, written = library.folder / '.dead.new', library.folder / '.alive.new'
    for path in (left, written):
        path.write_text('a part')
        os.utime(path, (1e9, 1e9))
    with written.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        StyleLibrary(library.folder)
        assert (left.exists(), written.exists()) == (False, True)
    StyleLibrary(library.folder)
    assert not written.exists() and library.names() == ['waves']


@pytest.mark.parametrize('step', ['fsync', 'replace'])
def test_a_full_disk_leaves_the_old_style_and_no_rest(library, monkeypatch, step):
    library.put(a_style(seed=1))

    def fail(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(StyleError, match='cannot be stored .* No space left on device') as error:
        library.put(a_style(seed=2))
    assert sentence(str(error.value))
    monkeypatch.undo()
    assert os.listdir(library.folder) == ['waves.style']
    assert same(StyleLibrary(library.folder).get('waves'), a_style(seed=1))


def test_a_crash_in_the_middle_of_a_write_leaves_the_old_style(library):
    library.put(a_style(seed=1))
    code = f"""
import os, signal
from pathlib import Path
from test_library import a_style, StyleLibrary
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
StyleLibrary(Path({str(library.folder)!r})).put(a_style(seed=2))
"""
    assert subprocess.run([sys.executable, '-c', code], env=with_this_folder()).returncode == -9
    assert len(os.listdir(library.folder)) == 2     # the unfinished file is there, and nobody takes it for a style
    assert library.names() == ['waves'] and library.problems() == []
    assert same(library.get('waves'), a_style(seed=1))


def with_this_folder() -> dict:
    root = Path(__file__).parents[2]
    return {**os.environ, 'PYTHONPATH': os.pathsep.join([str(Path(__file__).parent), str(root)])}


def test_two_processes_that_write_at_once_leave_whole_styles_only(library):
    code = """
import sys
from pathlib import Path
from test_library import a_style, StyleLibrary
library, first = StyleLibrary(Path(sys.argv[1])), int(sys.argv[2])
for seed in range(first, 60, 2):
    library.put(a_style('both', seed))
    library.put(a_style(f'own {seed % 8}', seed))
    assert library.get('both').name == 'both'
    assert not library.problems()
"""
    writers = [subprocess.Popen([sys.executable, '-c', code, str(library.folder), str(first)], env=with_this_folder(),
                                stderr=subprocess.PIPE, text=True) for first in (0, 1)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        for style in library.styles():
            assert same(style, a_style(style.name, round((style.learned - 1.75e9) * 3)))
            seen.add(style.name)
        assert library.problems() == []
        time.sleep(0.001)
    assert [writer.communicate()[1] for writer in writers] == ['', '']
    assert seen == {'both', *(f'own {n}' for n in range(8))} == set(library.names())
    assert same(library.get('both'), a_style('both', 58)) or same(library.get('both'), a_style('both', 59))
    assert len(os.listdir(library.folder)) == 9


def test_threads_may_share_a_library(library):
    errors = []

    def work(number: int) -> None:
        try:
            for seed in range(20):
                library.put(a_style(f'{number}', seed))
                assert same(library.get(f'{number}'), a_style(f'{number}', seed))
                library.problems()
                library.names()
            library.remove(f'{number}')
        except Exception as error:      # noqa: B902 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and library.names() == []


def test_a_thumbnail_that_is_no_thumbnail_is_refused(library):
    with pytest.raises(StyleError, match='thumbnail smaller'):
        library.put(a_style(thumbnail=bytes(LARGEST_FILE)))


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    library = StyleLibrary(tmp_path / 'file' / 'styles')
    for act in (lambda: library.put(a_style()), lambda: library.mark('a'), library.names):
        with pytest.raises(StyleError, match='cannot be (stored|written|read)') as error:
            act()
        assert sentence(str(error.value))


def test_a_folder_is_made_when_the_first_style_is_stored(library):
    assert library.names() == [] and not library.folder.exists()
    library.put(a_style())
    assert library.names() == ['waves']


def test_a_folder_that_is_gone_is_said_and_made_again_by_the_next_style(library):
    library.put(a_style())
    shutil.rmtree(library.folder)
    for act in (library.names, library.problems):
        with pytest.raises(StyleError, match='cannot be read: No such file') as error:
            act()
        assert sentence(str(error.value))
    library.put(a_style('sky'))
    assert library.names() == ['sky']


def test_the_default_folder_is_below_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path))
    assert default_folder() == tmp_path / 'style_transfer_ros' / 'styles'
