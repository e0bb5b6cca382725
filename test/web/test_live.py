# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``make live``: one link, as soon as the painting moves; and HTTPS with a certificate of one's own."""
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.request

import pytest

from style_transfer_ros.environment import prepare_for_jpegs
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros.web import addresses
from style_transfer_ros.ros.web.certificate import server_context


@pytest.fixture
def live(tmp_path):
    """Give a function that starts ``make live`` with arguments, on a free port."""
    running = []

    def start(*arguments):
        running.append(subprocess.Popen(
            [sys.executable, '-m', 'style_transfer_ros.demo.live', '--port', '0', *arguments], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'XDG_DATA_HOME': str(tmp_path)}))
        return running[-1]
    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)


@pytest.mark.timeout(180)
@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGHUP])
def test_live_prints_a_link_when_the_painting_moves_and_ends_with_its_nodes(live, how):
    process = live('--https')
    said = [process.stdout.readline() for _ in range(3)]
    link = re.search(r'https://127\.0\.0\.1:\d+/#token=\S+', said[0])[0]
    assert 'SHA-256' in said[1] and 'Ctrl-C' in said[2]
    address, token = link.split('#token=')
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(f'{address}snapshot.jpg', headers={'Authorization': f'Bearer {token}'})
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        assert answer.read(2) == b'\xff\xd8', 'a JPEG'
    process.send_signal(how)
    errors = process.communicate(timeout=30)[1]        # at the end of the output, which the nodes share
    assert process.returncode == 0 and errors == ''


@pytest.mark.timeout(180)
def test_live_finds_the_link_also_behind_the_log_of_the_page(live, tmp_path, monkeypatch):
    monkeypatch.setenv('RCUTILS_LOGGING_USE_STDOUT', '1')
    (tmp_path / 'style_transfer_ros').mkdir()
    (tmp_path / 'style_transfer_ros/page').write_text('no folder, which the page warns of')
    process = live()
    said = []
    while not said or 'Ctrl-C' not in said[-1]:
        said.append(process.stdout.readline())
        assert said[-1], process.communicate(timeout=30)[1]
    assert any('cannot be kept' in line for line in said) and any('/#token=' in line for line in said)


@pytest.mark.timeout(180)
@pytest.mark.parametrize('arguments, sentence', [
    (('--listen', '192.0.2.77'), "The page cannot be served on '192.0.2.77'"),
    (('--listen', '5 [x'), "The page cannot be served on '5 [x'"),
    (('--model', 'nonesuch'), 'nonesuch'),
])
def test_what_cannot_be_started_is_said_in_a_sentence(live, arguments, sentence):
    process = live(*arguments)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and sentence in errors and 'Traceback' not in errors


def test_a_certificate_is_made_once_for_this_user_alone_and_again_for_a_new_name(tmp_path):
    _, first = server_context(tmp_path, ['127.0.0.1', 'robot.local', '::1'])
    _, again = server_context(tmp_path, ['robot.local'])
    _, other = server_context(tmp_path, ['robot.local', '10.0.0.7'])
    assert first == again != other
    assert stat.S_IMODE((tmp_path / 'certificate.pem').stat().st_mode) == 0o600
    assert re.fullmatch(r'([0-9A-F]{2}:){31}[0-9A-F]{2}', first)


def test_tokens_are_kept_for_this_user_alone_and_made_anew_when_they_are_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path))
    first = addresses.load_tokens()
    assert addresses.load_tokens() == first and first['viewer'] != first['operator']
    path = addresses.page_folder() / 'tokens.json'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for damage in (b'', b'{', b'{"viewer": "short", "operator": "short"}', b'[]', b'\xff'):
        path.write_bytes(damage)
        assert addresses.load_tokens() not in ({}, first)


@pytest.mark.parametrize('damage', [None, b'{'])
def test_a_page_that_starts_in_the_same_moment_takes_the_same_tokens(tmp_path, monkeypatch, damage):
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path))
    path, others = addresses.page_folder() / 'tokens.json', []
    new_tokens = addresses.new_tokens

    def meanwhile():
        if not others:
            monkeypatch.setattr(addresses, 'new_tokens', new_tokens)
            others.append(addresses.load_tokens())
            if damage is not None:
                path.write_bytes(damage)
        return new_tokens()
    monkeypatch.setattr(addresses, 'new_tokens', meanwhile)
    tokens = addresses.load_tokens()
    assert addresses.load_tokens() == tokens and (tokens == others[0]) == (damage is None)


@pytest.mark.parametrize('given, kept, memory', [
    (None, 'fastdds_small.xml', '1'), ('fastdds.xml', 'fastdds_small.xml', '1'),
    ('/of/the/user.xml', '/of/the/user.xml', None)])
def test_the_page_takes_the_small_shared_memory_unless_the_user_names_a_profile(monkeypatch, given, kept, memory):
    config, flag = share_folder() / 'config', 'RMW_FASTRTPS_USE_QOS_FROM_XML'
    profiles = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'
    for variable in (*profiles, flag):
        monkeypatch.setenv(variable, str(config / (given or '')))
        if given is None or variable == flag:
            monkeypatch.delenv(variable)
    prepare_for_jpegs()
    assert {os.environ[variable] for variable in profiles} == {str(config / kept)}
    assert os.environ.get(flag) == memory


def test_links_name_what_the_server_listens_on():
    assert addresses.reached_by('127.0.0.1')[0] == '127.0.0.1' and not addresses.is_open('127.0.0.1')
    assert addresses.reached_by('::1')[0] == '::1' and not addresses.is_open('::1')
    assert addresses.reached_by('192.0.2.1')[:2] == ['192.0.2.1', socket.gethostname()]
    assert addresses.is_open('192.0.2.1') and 'localhost' not in addresses.reached_by('192.0.2.1')
    everything = addresses.reached_by('0.0.0.0')
    assert addresses.is_open('0.0.0.0') and 'localhost' in everything and '0.0.0.0' not in everything
    assert addresses.bracketed('::1') == '[::1]' and addresses.bracketed('robot') == 'robot'


@pytest.mark.timeout(120)
def test_a_recording_ends_with_the_page_and_is_whole(ros, tmp_path, monkeypatch):
    from mcap.reader import make_reader
    from sensor_msgs.msg import CompressedImage

    from style_transfer_ros.demo.processes import NodeProcess
    from style_transfer_ros.ros.web.recording import Recordings
    user = ros.node()
    paintings = user.create_publisher(CompressedImage, 'stylized/image/compressed', 10)
    with NodeProcess('web_node', 'port:=0', environment={'XDG_DATA_HOME': str(tmp_path)}, text=True,
                     stdout=subprocess.PIPE) as page:
        address, token = page.process.stdout.readline().split()[-1].split('/#token=')
        request = urllib.request.Request(f'{address}/do/record', b'{}', {
            'Authorization': f'Bearer {token}', 'Origin': address})
        urllib.request.urlopen(request, timeout=30).close()
        ros.wait_until(lambda: paintings.get_subscription_count(), 'it is recorded', 30)
        for _ in range(5):
            paintings.publish(CompressedImage(format='jpeg', data=b'1234'))
        time.sleep(1)
        assert page.stop() == 0
    recordings = Recordings(tmp_path / 'style_transfer_ros' / 'page' / 'recordings', user, None)
    found, = recordings.list
    with recordings.file(found['name']).open('rb') as file:
        assert len(list(make_reader(file).iter_messages())) == 5


def test_a_recording_ends_with_a_sentence_before_the_disk_is_full(ros, tmp_path, monkeypatch):
    from style_transfer_ros.ros.web import recording
    taken = ros.run(lambda: recording.Recording(ros.node(), tmp_path / 'bag', ['stylized/image/compressed']))
    assert taken.state() == {'size': taken.state()['size'], 'written': 0, 'dropped': 0, 'problem': ''}
    monkeypatch.setattr(recording, '_ROOM', 1 << 62)
    assert 'nearly full' in taken.state()['problem']
    ros.run(taken.unsubscribe)
    assert 'Recorded 0 messages' in taken.finish() and (tmp_path / 'bag' / 'metadata.yaml').is_file()
