# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Several bags are painted into one folder: each of them, each once, and a broken one costs only itself."""
import json

from bags import IMAGE, image, make_bag, RAW, START, STEP, STORE
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from style_transfer_ros.tools import stylize_bag

OPTIONS = ['--model', 'fake', '--quiet']


def unpaintable(folder):
    """Make a bag with one image, which is no image."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.write(writer.add_connection(RAW, IMAGE, typestore=STORE), START, b'\0\1\0\0')
    return folder


@pytest.mark.parametrize('names', [('day1/front', 'day2/front'), ('run', 'run/run.mcap'), ('run', 'run')])
def test_bags_that_would_get_one_name_are_refused_before_anything_is_painted(tmp_path, names):
    for name in names:
        folder = tmp_path / name.removesuffix('/run.mcap')
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            make_bag(folder, 2)
    bags = [str(tmp_path / name) for name in names]
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([*bags, str(tmp_path / 'out'), *OPTIONS])
    assert all(f"'{bag}'" in str(end.value) for bag in bags) and '\n' not in str(end.value)
    assert not (tmp_path / 'out').exists()


def test_going_on_when_every_bag_is_complete_is_no_failure(tmp_path, capsys):
    bags = [str(make_bag(tmp_path / name, 2)) for name in ('a', 'b')]
    stylize_bag.main([*bags, str(tmp_path / 'out'), *OPTIONS])
    capsys.readouterr()
    stylize_bag.main([*bags, str(tmp_path / 'out'), *OPTIONS, '--resume', '--json'])
    report = json.loads(capsys.readouterr().out)
    assert report['exit_code'] == 0 and report['error'] is None and len(report['outputs']) == 2


@pytest.mark.parametrize('workers', [[], ['--workers', '1']])
def test_of_many_damaged_places_the_first_ones_are_told_and_all_are_counted(tmp_path, capfd, workers):
    if workers:
        pytest.importorskip('distributed', reason='Dask is not installed (requirements/scale.txt)')
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(RAW, IMAGE, typestore=STORE)
        for n in range(60):
            message = STORE.serialize_cdr(image(n), IMAGE) if n % 2 else b'\0\1\0\0'
            writer.write(camera, START + n * STEP, message)
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(tmp_path / 'in'), str(tmp_path / 'out'), *OPTIONS, '--json', '--segment', '1', *workers])
    out, said = capfd.readouterr()
    assert end.value.code == 3 and said.count('Left out') == 20 and said.count('not told') == 1
    assert json.loads(out)['left_out'] == len(json.loads(out)['damage']) == 30


@pytest.mark.parametrize('workers', [[], ['--workers', '1']])
def test_the_first_damage_stops_all_bags_if_that_is_asked_for(tmp_path, workers):
    if workers:
        pytest.importorskip('distributed', reason='Dask is not installed (requirements/scale.txt)')
    bags = [str(unpaintable(tmp_path / 'bad')), str(make_bag(tmp_path / 'good', 2))]
    with pytest.raises(SystemExit, match='Stopped at the first damage'):
        stylize_bag.main([*bags, str(tmp_path / 'out'), *OPTIONS, '--on-error', 'stop', *workers])
    assert not list((tmp_path / 'out').glob('good*'))
