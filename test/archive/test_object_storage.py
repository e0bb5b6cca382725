# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Bags in object storage: read, painted by workers, and written back, with an S3 server of moto on this machine."""
import os
import sqlite3
import subprocess
import sys

from bags import make_bag
import pytest
from test_bags import PAINTED, read, repaint

from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.plan import fingerprints

s3fs = pytest.importorskip('s3fs', reason='s3fs is not installed (requirements/scale.txt)')
moto = pytest.importorskip('moto.server', reason='moto is not installed (requirements/test.txt)')

pytestmark = pytest.mark.timeout(600)
RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_bag']


@pytest.fixture
def s3(monkeypatch):
    """Serve an empty bucket named ``fleet``; what is started from here on knows where."""
    server = moto.ThreadedMotoServer('127.0.0.1', 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {'AWS_ACCESS_KEY_ID': 'test', 'AWS_SECRET_ACCESS_KEY': 'test', 'AWS_DEFAULT_REGION': 'us-east-1',
                        'AWS_ENDPOINT_URL': f'http://{host}:{port}', 'NO_PROXY': '127.0.0.1'}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    files.mkdir('fleet')
    yield files
    files.rm('fleet', recursive=True)       # moto remembers it beyond the server
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_in_object_storage_is_read_where_it_is(tmp_path, look, painters, s3, storage):
    bag = make_bag(tmp_path / 'in', 10, storage)
    s3.put(str(bag), 'fleet/in', recursive=True)
    report = repaint('s3://fleet/in', tmp_path / 'out', look, painters, window=0.5)
    repaint(bag, tmp_path / 'local', look, painters, window=0.5)
    assert report.exit_code() == 0 and read(tmp_path / 'out') == read(tmp_path / 'local')


def test_the_log_of_a_killed_recorder_in_object_storage_is_read(tmp_path, s3):
    bag = make_bag(tmp_path / 'in', 5, 'sqlite3')
    base = sqlite3.connect(bag / 'in.db3')
    base.execute('PRAGMA journal_mode=WAL')
    base.execute('PRAGMA wal_autocheckpoint=0')
    base.execute('DELETE FROM messages WHERE id > 4')
    base.commit()
    s3.put(str(bag), 'fleet/in', recursive=True)
    base.close()
    with Bag('s3://fleet/in') as opened:
        assert sum(opened.counts.values()) == 4


def test_a_fingerprint_fetches_little_of_a_large_bag(s3, monkeypatch):
    s3.pipe('fleet/large.mcap', bytes(40 << 20))
    fetched = []
    fetch = s3fs.core.S3File._fetch_range

    def counted(self, start, end):
        fetched.append(end - start)
        return fetch(self, start, end)

    monkeypatch.setattr(s3fs.core.S3File, '_fetch_range', counted)
    assert len(fingerprints('s3://fleet/large.mcap')) == 1 and 0 < sum(fetched) <= 3 << 20


def test_workers_paint_from_object_storage_to_object_storage(tmp_path, s3):
    bag = make_bag(tmp_path / 'in', 20)
    s3.put(str(bag), 'fleet/in', recursive=True)
    options = ['--model', 'fake', '--segment', '0.7', '--quiet']
    done = subprocess.run([*RUN, 's3://fleet/in', 's3://fleet/out', *options, '--workers', '2'], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    s3.get('fleet/out', str(tmp_path / 'fetched'), recursive=True)
    assert sorted(os.path.basename(name) for name in s3.ls('fleet')) == ['in', 'out']
    assert sum(name == PAINTED for name, *_ in read(tmp_path / 'fetched')) == 20
    again = subprocess.run([*RUN, 's3://fleet/in', 's3://fleet/out', *options], cwd=tmp_path, capture_output=True,
                           text=True)
    assert again.returncode == 1 and 'exists already' in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ['fetched', 'in']


def test_a_bag_that_is_not_there_is_one_sentence(tmp_path, s3):
    done = subprocess.run([*RUN, 's3://fleet/nothing', str(tmp_path / 'out'), '--model', 'fake', '--quiet'],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "'s3://fleet/nothing'" in done.stderr and 'Traceback' not in done.stderr
