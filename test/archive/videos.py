# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Videos for tests, written with PyAV."""
from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from bags import frame
import numpy as np


def make_video(path: Path, count=30, rate=30, size=(48, 64), sound='', variable=False, units=0, gop=0,
               aspect=None, rate_of_sound=44100) -> Path:
    """
    Write a video.

    :param sound: a codec; empty: none.
    :param variable: every third frame is missing.
    :param units: of the time base, in a second; 0: the rate.
    :param gop: frames from one key frame to the next; 0: as the encoder likes it.
    :param aspect: of the pixels.
    """
    units = units or rate
    import av
    with av.open(str(path), 'w') as container:
        stream = container.add_stream({'.avi': 'mjpeg', '.mpg': 'mpeg2video'}.get(path.suffix, 'libx264'), rate=rate)
        stream.width, stream.height = size[1], size[0]
        stream.pix_fmt = 'yuv420p' if path.suffix != '.avi' else 'yuvj420p'
        stream.codec_context.time_base = Fraction(1, units)
        if gop:
            stream.codec_context.gop_size = gop
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        audio = container.add_stream(sound, rate=rate_of_sound) if sound else None
        if audio is not None:
            audio.layout = 'mono'
        for n in range(count):
            if variable and n % 3 == 1:
                continue
            picture = av.VideoFrame.from_ndarray(frame(n, *size), format='rgb24')
            picture.pts, picture.time_base = n * units // rate, Fraction(1, units)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if audio is not None:
            length = int(rate_of_sound * count / rate)
            tone = (np.sin(np.arange(length) * 440 * 2 * np.pi / rate_of_sound) * 20000).astype(np.int16)
            for at in range(0, length - 1024, 1024):
                piece = av.AudioFrame.from_ndarray(tone[None, at:at + 1024], format='s16', layout='mono')
                piece.sample_rate, piece.pts, piece.time_base = rate_of_sound, at, Fraction(1, rate_of_sound)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def turned(path: Path) -> Path:
    """Mark an MP4 as taken with the camera turned by a quarter, as telephones do."""
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 4 + 40
    one, no = (1 << 16).to_bytes(4, 'big'), (0).to_bytes(4, 'big')
    minus = (-(1 << 16) & 0xffffffff).to_bytes(4, 'big')
    data[at:at + 36] = b''.join((no, one, no, minus, no, no, no, no, (1 << 30).to_bytes(4, 'big')))
    path.write_bytes(data)
    return path
