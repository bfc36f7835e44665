# SPDX-License-Identifier: Apache-2.0
"""Bags of many kinds, drawn from a seed, and what the bytes of a cut one still hold.

What is held is found by a reading of its own: mcap records one after another, and for sqlite3 the
places at which the rows were written.
"""

from __future__ import annotations

import random
import sqlite3
import struct
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import lz4.frame
import yaml
import zstandard
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from synthetic_bags import START_NS, TYPES, string_cdr

from pam_ros.bags import BagWriter, qos

if TYPE_CHECKING:
    from pathlib import Path

STRING = "std_msgs/msg/String"
HEAD = struct.Struct("<BQ")
Message = tuple[str, int, bytes]


@dataclass
class Kind:
    """A bag that was made: folder or file, whether it is ROS 2's, its messages, and what it is."""

    path: Path
    ours: bool
    messages: Counter[Message] = field(default_factory=Counter)
    about: str = ""


def draws(seed: int, count: int, topics: int = 2) -> list[Message]:
    """Messages with texts that occur once; some are longer than a page."""
    choice = random.Random(seed)
    return [
        (
            f"/words_{choice.randrange(topics)}",
            START_NS + index * 1000 + choice.randrange(1000),
            string_cdr(choice.randbytes(choice.choice((8, 30, 200, 200, 3000))).hex()),
        )
        for index in range(count)
    ]


def profiles(choice: random.Random) -> list:
    offered = qos(
        reliability=choice.choice(("reliable", "best_effort")),
        durability=choice.choice(("volatile", "transient_local")),
        depth=choice.randrange(1, 99),
    )
    return choice.choice(([], [offered], [offered, qos()]))


def by_rosbags(
    path: Path,
    messages: list[Message],
    choice: random.Random,
    *,
    form: str = "cdr",
    compression: CompressionMode | None = None,
    storage: StoragePlugin | None = None,
) -> str:
    """A folder of the rosbags library, of any compression; returns what it is."""
    storage = storage or choice.choice(list(StoragePlugin))
    modes = [CompressionMode.NONE, CompressionMode.MESSAGE, CompressionMode.FILE]
    if storage is StoragePlugin.MCAP:
        modes.append(CompressionMode.STORAGE)
    compression = compression or choice.choice(modes)
    version: Literal[8, 9] = choice.choice((8, 9))
    writer = RosbagsWriter(path, version=version, storage_plugin=storage)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    writer.set_custom_data("robot", f"number {choice.randrange(100)}")
    with writer:
        connections = {
            topic: writer.add_connection(
                topic,
                STRING,
                typestore=TYPES,
                serialization_format=form,
                offered_qos_profiles=profiles(choice),
            )
            for topic in sorted({message[0] for message in messages} | {"/silent"})
        }
        for topic, stamp, data in messages:
            writer.write(connections[topic], stamp, data)
    return f"rosbags {storage.name} {compression.name} {form} version {version}"


def by_mcap(
    path: Path,
    messages: list[Message],
    choice: random.Random,
    *,
    profile: str = "ros2",
    encodings: tuple[str, ...] = ("cdr",),
    schema: str = "ros2msg",
    **options: object,
) -> str:
    """One file of the mcap library, with or without chunks, index, statistics and attachments."""
    settings: dict[str, Any] = {
        "chunk_size": choice.choice((300, 5000, 1 << 20)),
        "compression": choice.choice(list(CompressionType)),
        "use_chunking": choice.random() < 0.7,
        "use_statistics": choice.random() < 0.7,
        "index_types": choice.choice((IndexType.ALL, IndexType.NONE, IndexType.CHUNK)),
        "repeat_channels": choice.random() < 0.8,
        "use_summary_offsets": choice.random() < 0.5,
        "enable_crcs": choice.random() < 0.8,
        **options,
    }
    with path.open("wb") as stream:
        writer = McapWriter(stream, **settings)
        writer.start(profile=profile, library="another's")
        identity = writer.register_schema(STRING, schema, b"string data\n")
        channels = {
            topic: writer.register_channel(
                topic, encodings[index % len(encodings)], identity, {"callerid": f"node {index}"}
            )
            for index, topic in enumerate(("/words_0", "/words_1"))
        }
        for index, (topic, stamp, data) in enumerate(messages):
            writer.add_message(channels[topic], stamp, data, stamp - 5, index * 3)
            if index == len(messages) // 2 and choice.random() < 0.3:
                writer.add_attachment(stamp, stamp, "map.png", "image/png", b"\x89PNG" * 50)
        writer.finish()
    settings["compression"] = settings["compression"].name
    return f"mcap profile '{profile}' {encodings} {schema} {settings}"


def by_rosbag2_of_foxy(path: Path, messages: list[Message], form: str = "cdr") -> str:
    """A .db3 file of an early release, without QoS or definitions."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, "
            "serialization_format TEXT NOT NULL);"
            "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, "
            "timestamp INTEGER NOT NULL, data BLOB NOT NULL);"
        )
        names = sorted({message[0] for message in messages})
        for number, name in enumerate(names, 1):
            database.execute("INSERT INTO topics VALUES (?, ?, ?, ?)", (number, name, STRING, form))
        for topic, stamp, data in messages:
            database.execute(
                "INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)",
                (names.index(topic) + 1, stamp, data),
            )
        database.commit()
    return f"sqlite3 of an early release, {form}"


def split_by_mcap(folder: Path, messages: list[Message], choice: random.Random) -> str:
    """A folder of several files, as a recorder of another kind writes it: QoS in the YAML alone."""
    folder.mkdir()
    third = len(messages) // 3
    names, files, about = [], [], ""
    for index in range(3):
        part = messages[index * third : (index + 1) * third if index < 2 else None]
        names.append(f"{folder.name}_{index}.mcap")
        about = by_mcap(folder / names[-1], part, choice)
        files.append({"path": names[-1], "message_count": len(part)})
    counts = Counter(message[0] for message in messages)
    offered = "- history: 3\n  depth: 0\n  reliability: 1\n  durability: 1\n" + "".join(
        f"  {name}:\n    sec: 9223372036\n    nsec: 854775807\n"
        for name in ("deadline", "lifespan", "liveliness_lease_duration")
    )
    offered += "  liveliness: 1\n  avoid_ros_namespace_conventions: false"
    information = {
        "version": 8,
        "storage_identifier": "mcap",
        "relative_file_paths": names,
        # Not what the messages say, as with a recorder on simulated time.
        "duration": {"nanoseconds": 7},
        "starting_time": {"nanoseconds_since_epoch": 12},
        "message_count": len(messages),
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": name,
                    "type": STRING,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": offered,
                    "type_description_hash": "RIHS01_of_another",
                },
                "message_count": count,
            }
            for name, count in (*sorted(counts.items()), ("/silent", 0))
        ],
        "compression_format": "",
        "compression_mode": "",
        "files": files,
        "custom_data": {"site": "hall 4"},
        "ros_distro": "jazzy",
    }
    document = {"rosbag2_bagfile_information": information}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(document))
    return f"split {about}"


def whole_bag(folder: Path, seed: int) -> Kind:
    """A whole bag of some kind; `ours` says whether it is a recording of ROS 2."""
    choice = random.Random(seed)
    messages = draws(seed, choice.choice((0, 1, 12, 40)))
    if choice.random() < 0.3:
        choice.shuffle(messages)
    kind = Kind(folder / "bag", ours=choice.random() < 0.65, messages=Counter(messages))
    maker = choice.randrange(5)
    if not kind.ours:
        kind.messages.clear()
        if not messages:
            messages = draws(seed, 3)
        if maker == 0:
            kind.about = by_rosbags(kind.path, messages, choice, form="json")
        elif maker == 1:
            kind.path = folder / "bag.db3"
            kind.about = by_rosbag2_of_foxy(kind.path, messages, "fastrtps_json")
        else:
            kind.path = folder / "bag.mcap"
            profile, encodings, schema = choice.choice(
                (
                    ("", ("json",), "jsonschema"),
                    ("", ("protobuf",), "protobuf"),
                    ("", ("cdr",), "omgidl"),
                    ("", ("cdr", "json"), "ros2msg"),
                    ("ros1", ("ros1",), "ros1msg"),
                    ("ros1", ("cdr",), "ros2msg"),
                    ("ros2", ("protobuf",), "protobuf"),
                    ("ros2", ("json", "cdr"), "ros2msg"),
                    ("x-drone", ("cbor",), ""),
                )
            )
            kind.about = by_mcap(
                kind.path, messages, choice, profile=profile, encodings=encodings, schema=schema
            )
    elif maker in {0, 1}:
        kind.about = by_rosbags(kind.path, messages, choice)
    elif maker == 2:
        kind.about = split_by_mcap(kind.path, messages, choice)
    elif maker == 3 and choice.random() < 0.3:
        kind.path = folder / "bag.db3"
        kind.about = by_rosbag2_of_foxy(kind.path, messages)
    else:
        kind.path = folder / "bag.mcap"
        profile = choice.choice(("ros2", "ros2", ""))
        kind.about = by_mcap(kind.path, messages, choice, profile=profile)
    return kind


def our_bag(folder: Path, seed: int) -> Kind:
    """A whole bag of ROS 2 of which a cut leaves something to find."""
    choice = random.Random(seed)
    messages = draws(seed, choice.choice((30, 80, 150)))
    kind = Kind(folder / "bag", ours=True, messages=Counter(messages))
    maker = seed % 6
    if maker < 2:
        storage: Literal["mcap", "sqlite3"] = "sqlite3" if maker else "mcap"
        compression: Literal["none", "zstd"] = choice.choice(("none", "zstd"))
        with BagWriter(
            kind.path, storage, compression=compression, split_bytes=choice.choice((0, 20_000))
        ) as writer:
            for topic, stamp, data in messages:
                writer.add_topic(topic, STRING, qos(durability="transient_local"))
                writer.write(topic, data, stamp)
        kind.about = f"ours {storage} {compression}"
    elif maker == 2:
        kind.about = split_by_mcap(kind.path, messages, choice)
    elif maker == 3:
        mode = choice.choice((CompressionMode.MESSAGE, CompressionMode.NONE))
        kind.about = by_rosbags(
            kind.path, messages, choice, compression=mode, storage=StoragePlugin.SQLITE3
        )
    elif maker == 4:
        kind.about = by_rosbags(
            kind.path,
            messages,
            choice,
            compression=choice.choice((CompressionMode.MESSAGE, CompressionMode.STORAGE)),
            storage=StoragePlugin.MCAP,
        )
    else:
        kind.path = folder / "bag.mcap"
        kind.about = by_mcap(kind.path, messages, choice, chunk_size=2000)
    return kind


def held_in_mcap(content: bytes) -> Counter[Message]:
    """Messages of the whole records in a file that was cut, and of those in its chunks."""
    found: Counter[Message] = Counter()
    topics: dict[int, str] = {}
    _walk(content[8:], topics, found)
    return found


def _walk(data: bytes, topics: dict[int, str], found: Counter[Message]) -> None:
    place = 0
    while place + HEAD.size <= len(data):
        opcode, length = HEAD.unpack_from(data, place)
        body = data[place + HEAD.size : place + HEAD.size + length]
        if opcode == 0x06 and len(body) > 32:
            _chunk(body, topics, found)
        if len(body) < length:
            return
        if opcode == 0x04:
            identity, _, size = struct.unpack_from("<HHI", body)
            topics.setdefault(identity, body[8 : 8 + size].decode())
        elif opcode == 0x05:
            identity, _, stamp, _ = struct.unpack_from("<HIQQ", body)
            found[topics[identity], stamp, _plain(body[22:])] += 1
        place += HEAD.size + length


def _chunk(body: bytes, topics: dict[int, str], found: Counter[Message]) -> None:
    (size,) = struct.unpack_from("<I", body, 28)
    compression, start = body[32 : 32 + size], 32 + size + 8
    if len(body) < start:
        return
    (length,) = struct.unpack_from("<Q", body, start - 8)
    data = body[start:]
    if not compression:
        _walk(data, topics, found)
    elif len(data) == length:
        unpack = zstandard.ZstdDecompressor().decompressobj().decompress
        _walk((lz4.frame.decompress if compression == b"lz4" else unpack)(data), topics, found)


def held_in_sqlite(whole: Path, cut: int) -> Counter[Message]:
    """Messages of a database all of whose bytes were written before a place."""
    content = whole.read_bytes()
    found: Counter[Message] = Counter()
    with closing(sqlite3.connect(f"{whole.as_uri()}?immutable=1", uri=True)) as database:
        rows = database.execute(
            "SELECT name, timestamp, data FROM messages JOIN topics ON topics.id = topic_id"
        ).fetchall()
    for name, stamp, data in rows:
        # A row lies in its leaf, with the number of the next page if that does not hold all of it,
        # and further pages. The text is random, so that its first and last bytes occur once.
        begin, end = content.rfind(data[:24]), content.rfind(data[-10:])
        if content.count(data[:24]) != 1 or content.count(data[-10:]) != 1:
            continue
        pairs = zip(content[begin : begin + len(data)], data, strict=False)
        in_leaf = next((n for n, pair in enumerate(pairs) if pair[0] != pair[1]), len(data))
        if max(begin + in_leaf + 4 * (in_leaf < len(data)), end + 10) <= cut:
            found[name, stamp, _plain(data)] += 1
    return found


def _plain(data: bytes) -> bytes:
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data
