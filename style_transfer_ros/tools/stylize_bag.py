"""``stylize_bag``: paint an image topic of a bag into a new bag, every frame, without ROS."""
from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
import sys
from typing import Any, List

import numpy as np
from rich.progress import track
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import get_typestore, Stores
from rosbags.typesys.store import Typestore

from style_transfer_ros.engine import encodings, pictures
from style_transfer_ros.engine.errors import ImageError, StyleError, StyleTransferError
from style_transfer_ros.engine.library import default_folder, StyleLibrary
from style_transfer_ros.engine.stream import PaintSettings, Stream
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.tools.arguments import topic_name, within

_IMAGE, _COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'


def _rgb(message: Any) -> np.ndarray:
    """Read an image message of rosbags."""
    if message.__msgtype__ == _COMPRESSED:
        return pictures.decode_picture(message.data.tobytes(), f"The compressed image (format '{message.format}')")
    return encodings.decode(message.data, message.encoding, message.height, message.width, message.step,
                            bool(message.is_bigendian))


def _opened(bag: Path, store: Typestore) -> AnyReader:
    """
    Open a bag to read.

    :raises StyleTransferError: it is not there, or no bag.
    """
    try:
        reader = AnyReader([bag], default_typestore=store)
        reader.open()
    except (AnyReaderError, OSError) as error:
        raise StyleTransferError(f"The bag '{bag}' cannot be read ({error}); give a rosbag2 folder or a ROS 1 .bag."
                                 ) from error
    return reader


def _created(bag: Path) -> Writer:
    """
    Make a new bag.

    :raises StyleTransferError: there is something, or the folder cannot be made.
    """
    try:
        writer = Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.open()
    except (WriterError, OSError) as error:
        raise StyleTransferError(f"The bag '{bag}' cannot be made ({error}); give a folder that does not exist yet."
                                 ) from error
    return writer


def _image_connection(reader: AnyReader, topic: str | None) -> Any:
    """
    Choose the topic to paint.

    :raises StyleError: it is not in the bag, or there are several and none is named.
    """
    candidates = [c for c in reader.connections if c.msgtype in (_IMAGE, _COMPRESSED)]
    chosen = [c for c in candidates if c.topic == topic] if topic else candidates
    names = ', '.join(sorted({c.topic for c in candidates})) or 'none'
    if not chosen:
        raise StyleError(f"The bag has no image topic{f' {topic!r}' if topic else ''}; its image topics: {names}.")
    if len({c.topic for c in chosen}) > 1:
        raise StyleError(f'The bag has several image topics ({names}); choose one with --topic.')
    return chosen[0]


def stylize(options: argparse.Namespace) -> int:
    """
    Paint a bag.

    :returns: how many frames were painted; broken ones are reported and left out.
    :raises StyleTransferError: the bag, the style or the model cannot be used.
    """
    stylizer = Stylizer.load(options.model, options.runtime)
    vector = Styles(stylizer, StyleLibrary(default_folder())).choose(options.style).vector
    stream, store = Stream(stylizer), get_typestore(Stores.ROS2_JAZZY)
    settings = PaintSettings(options.strength, options.preserve_color, options.smoothing, options.processing_height)
    painted_frames = 0
    with closing(_opened(options.bag, store)) as reader:
        source = _image_connection(reader, options.topic)
        kept = {} if options.only_painting else {(c.topic, c.msgtype): c for c in reader.connections}
        if any(topic == options.output_topic for topic, _ in kept):
            raise StyleError(f"The bag has a topic '{options.output_topic}' already; choose another --output-topic, "
                             'or --only-painting.')
        with closing(_created(options.output)) as writer:
            target = writer.add_connection(options.output_topic, _IMAGE, typestore=store)
            copied = {key: writer.add_connection(c.topic, c.msgtype, typestore=reader.typestore)
                      for key, c in kept.items()}
            messages = track(reader.messages(), 'paint', reader.message_count, disable=options.quiet)
            for connection, stamp, data in messages:
                key = connection.topic, connection.msgtype
                if key in copied:
                    writer.write(copied[key], stamp, data)
                if connection.topic != source.topic:
                    continue
                message = reader.deserialize(data, connection.msgtype)
                try:
                    frame = _rgb(message)
                except ImageError as error:
                    print(f'Frame at {stamp} ns left out: {error}', file=sys.stderr)
                    continue
                taken = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
                painted = stream.paint(frame, vector, settings, taken)
                flat, step = encodings.encode(painted, 'rgb8')
                writer.write(target, stamp, store.serialize_cdr(store.types[_IMAGE](
                    header=message.header, height=frame.shape[0], width=frame.shape[1], encoding='rgb8',
                    is_bigendian=0, step=step, data=flat), _IMAGE))
                painted_frames += 1
    return painted_frames


def main(arguments: List[str] | None = None) -> None:
    """Paint a bag from the command line."""
    parser = argparse.ArgumentParser(description='Paint an image topic of a bag, every frame, into a new bag (MCAP).')
    parser.add_argument('bag', type=Path, help='the bag: a rosbag2 folder (sqlite3 or MCAP) or a ROS 1 .bag')
    parser.add_argument('output', type=Path, help='the new bag, a folder that does not exist yet')
    parser.add_argument('--style', default='starry_night', help='a picture file, a bundled or a stored style')
    parser.add_argument('--topic', help='the image topic (default: the only one)')
    parser.add_argument('--output-topic', type=topic_name, default='/stylized/image', help='topic of the paintings')
    parser.add_argument('--only-painting', action='store_true', help='leave the other topics out')
    parser.add_argument('--strength', type=within(float, 0.0, 1.0), default=1.0, help='0 (photo) to 1 (style)')
    parser.add_argument('--preserve-color', action='store_true', help='keep the colours of the camera')
    parser.add_argument('--smoothing', type=within(float, 0.0, 0.95), default=0.8,
                        help='calms flicker: 0 (off) to 0.95, meant for 30 frames/s')
    parser.add_argument('--processing-height', type=within(int, 0, 4320), default=0,
                        help='height to paint at, pixels; 0: native')
    parser.add_argument('--model', default='swift', help="'swift', 'magenta' or a model directory")
    parser.add_argument('--runtime', default='auto', help='auto, openvino, onnxruntime or tensorflow')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    options = parser.parse_args(arguments)
    try:
        painted = stylize(options)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    print(f"Painted {painted} frames into '{options.output}'.")


if __name__ == '__main__':
    main()
