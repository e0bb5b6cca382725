# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Fixtures of the archive's tests: small bags, and painters of the fake model, which needs no networks."""
import os
from pathlib import Path
import sys

from mcap.reader import make_reader
from mcap.writer import Writer
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from style_transfer_ros.archive.painting import Painters  # noqa: E402
from style_transfer_ros.archive.plan import make_look  # noqa: E402
from style_transfer_ros.engine.stream import PaintSettings  # noqa: E402
from style_transfer_ros.engine.stylizer import Stylizer  # noqa: E402

ORANGE = np.zeros(100, np.float32)
ORANGE[:3] = 1, 0.5, 0


@pytest.fixture
def look():
    """Paint all in orange, with smoothing."""
    return make_look('fake', 'auto', 'orange', ORANGE, PaintSettings(smoothing=0.8))


@pytest.fixture
def painters():
    with Painters(lambda threads: Stylizer.load('fake', 'auto', threads), 2) as running:
        yield running


@pytest.fixture(params=['indexed', 'without an index'])
def attached(tmp_path, request):
    """Write an MCAP bag with an attachment, and with metadata of rosbag2 and of another program."""
    from bags import make_bag
    whole = next(make_bag(tmp_path / 'plain', 3).glob('*.mcap'))
    path = tmp_path / 'in.mcap'
    with path.open('wb') as file, whole.open('rb') as source:
        writer = Writer(file)
        writer.start('ros2', 'a recorder')
        writer.add_attachment(7, 5, 'lens.yaml', 'text/yaml', bytes(range(256)) * 9000)
        channels = {}
        for schema, channel, message in make_reader(source).iter_messages():
            if channel.id not in channels:
                number = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, number,
                                                               channel.metadata)
            writer.add_message(channels[channel.id], message.log_time, message.data, message.publish_time)
        writer.add_metadata('rosbag2', {'serialized_metadata': ''})
        writer.add_metadata('robot', {'name': 'Karl'})
        writer.finish()
    if request.param == 'without an index':
        os.truncate(path, path.stat().st_size - 30)
    return path
