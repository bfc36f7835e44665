# SPDX-License-Identifier: Apache-2.0
"""Reads rosbag2 bags with the message definitions that they carry."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import ReaderError
from rosbags.typesys import Stores, get_typestore

from pam_ros.bags.errors import BagError
from pam_ros.bags.older import completed, gained_fields, lacks_fields, older_types
from pam_ros.bags.salvage.beyond_repair import what_repair_cannot_help
from pam_ros.bags.salvage.found import payload
from pam_ros.bags.salvage.packed import is_packed, plain_name, unpack
from pam_ros.bags.storages import DAMAGE, StorageReader, storage_of
from pam_ros.bags.stored_pictures import StoredPictures, stored_as
from pam_ros.bags.types import Definition, definition, idl_definition, known_types
from pam_ros.robot.contract import IMAGE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    from rosbags.interfaces import Qos
    from rosbags.typesys.store import Typestore


_VIDEO_NS = 10_000_000_000
"""So far before the first picture that is wanted a key picture is looked for."""


@dataclass(frozen=True)
class BagTopic:
    """One topic of a bag: its type, how many messages it has, and how it was offered.

    `definition` is that of its type, with which a copy can be read; None if the bag holds none.
    """

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...]
    definition: Definition | None = None


@dataclass(frozen=True)
class BagMessage:
    """One message, still serialised: ``data`` is CDR, ``stamp_ns`` when it was received [ns]."""

    topic: str
    type: str
    stamp_ns: int
    data: bytes


class BagReader:
    """An open bag: a folder with metadata.yaml, or a single .mcap or .db3 file.

    A file that is compressed as a whole (.mcap.zstd, .db3.zstd) is unpacked into a temporary folder
    until the bag is closed.

    Types come from the definitions in the bag; for those it lacks (sqlite3 bags of older ROS 2
    releases), from the standard types, this package's own and ``folders``.

    A camera that lies in the bag compressed alone is read under its raw topic's name too, as Image:
    `stored` tells where, and `readable` has both.

    Raises:
        BagError: the bag is missing or damaged.
    """

    def __repr__(self) -> str:
        count = sum(topic.count for topic in self.topics.values())
        seconds = (self.end_ns - self.start_ns) / 1e9
        return (
            f"<bag {self.path.name}: {len(self.topics)} topics, {count} messages, {seconds:.1f} s>"
        )

    def __init__(self, path: str | Path, folders: Mapping[str, Path] | None = None) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise BagError(f"bag {self.path} does not exist")
        self._fallback_folders = folders
        self._fallback: Typestore | None = None
        self._older: dict[tuple[str, int], bool] = {}
        self._unpacked: TemporaryDirectory[str] | None = None
        try:
            storage = self._plain(storage_of(self.path))
            # Of a file without its metadata.yaml, only the data says that it is compressed.
            self._stated = storage.is_dir()
            self._reader = StorageReader(storage)
            self._reader.open()
        except DAMAGE as error:
            self._remove_unpacked()
            told = f"bag {self.path} cannot be read: {_first_line(error)}"
            hopeless = what_repair_cannot_help(self.path)
            raise BagError(
                f"{told} ({hopeless})"
                if hopeless
                else f"{told} (`pam_ros bag repair {self.path}` saves what can be saved)"
            ) from None
        try:
            self._types, self._unparsed = _types_of(
                tuple((c.msgtype, *c.msgdef) for c in self._reader.connections)
            )
            self.topics = _topics(self._reader.connections)
            self.stored = stored_as(self.topics.values())
        except DAMAGE as error:
            with suppress(*DAMAGE):
                self._reader.close()
            self._remove_unpacked()
            raise BagError(
                f"bag {self.path} has unreadable definitions: {_first_line(error)}"
            ) from None

    @property
    def start_ns(self) -> int:
        """When the first message was received [ns]; 0 in an empty bag."""
        return self._reader.start_time if self._reader.message_count else 0

    @property
    def end_ns(self) -> int:
        """When the last message was received [ns]; 0 in an empty bag."""
        return self._reader.end_time - 1 if self._reader.message_count else 0

    @property
    def readable(self) -> dict[str, BagTopic]:
        """`topics`, and raw topics of which the bag holds compressed pictures alone."""
        raw = {
            name: replace(self.topics[at], name=name, type=IMAGE, definition=None)
            for name, at in self.stored.items()
        }
        return {**self.topics, **raw}

    def messages(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[BagMessage]:
        """Messages in the order in which they were received, of all topics or of some.

        Args:
            topics: their names, also those of `stored`; None means all of `topics`.
            start_ns: the first stamp that is wanted.
            stop_ns: the first stamp that is no longer wanted.

        Raises:
            BagError: the bag lacks one of the topics, or is damaged.
        """
        for topic in topics or ():
            if topic not in self.topics and topic not in self.stored:
                names = ", ".join(sorted(self.topics)) or "no topic at all"
                raise BagError(f"bag {self.path} has no topic {topic} (it has {names})")
        wanted = None if topics is None else frozenset(topics)
        raw = {self.stored[name]: name for name in wanted or () if name in self.stored}
        if raw:
            yield from self._with_pictures(wanted or frozenset(), raw, start_ns or 0, stop_ns)
        else:
            yield from self._messages(wanted, start_ns, stop_ns)

    def _with_pictures(
        self, wanted: frozenset[str], raw: Mapping[str, str], start_ns: int, stop_ns: int | None
    ) -> Iterator[BagMessage]:
        """Messages, and pictures of the topics at which they are stored under their raw names."""
        streams = {at: StoredPictures(self.topics[at].type) for at in raw}
        # A video's picture needs those before it.
        early = max(0, start_ns - _VIDEO_NS)
        for message in self._messages(wanted | raw.keys(), early, stop_ns):
            if message.topic in wanted and message.stamp_ns >= start_ns:
                yield message
            if message.topic not in streams:
                continue
            try:
                stored = self.decode(message)
            except BagError:
                continue  # said by whoever asks for the stored topic itself
            for (source, header), rgb in streams[message.topic].take(
                stored, (message, stored.header)
            ):
                if source.stamp_ns >= start_ns:
                    yield self._picture(raw[source.topic], source, header, rgb)
        for stream in streams.values():
            for (source, header), rgb in stream.end():
                yield self._picture(raw[source.topic], source, header, rgb)

    def _picture(
        self, topic: str, stored: BagMessage, header: Any, rgb: npt.NDArray[np.uint8]
    ) -> BagMessage:
        store = self._store(IMAGE)
        height, width = rgb.shape[:2]
        message = store.types[IMAGE](
            header=store.types["std_msgs/msg/Header"](
                stamp=store.types["builtin_interfaces/msg/Time"](
                    sec=header.stamp.sec, nanosec=header.stamp.nanosec
                ),
                frame_id=header.frame_id,
            ),
            height=height,
            width=width,
            encoding="rgb8",
            is_bigendian=0,
            step=3 * width,
            data=rgb.reshape(-1),
        )
        return BagMessage(topic, IMAGE, stored.stamp_ns, bytes(store.serialize_cdr(message, IMAGE)))

    def _messages(
        self, topics: frozenset[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[BagMessage]:
        """Messages as they lie in the files.

        Raises:
            BagError: the bag is damaged.
        """
        wanted = [
            connection
            for connection in (*self._reader.connections, *self._in_files())
            if topics is None or connection.topic in topics
        ]
        if not wanted:
            return
        try:
            for connection, stamp, data in self._reader.messages(wanted, start_ns, stop_ns):
                cdr = data if self._stated else payload(bytes(data))
                yield BagMessage(connection.topic, connection.msgtype, stamp, cdr)
        except DAMAGE as error:
            raise BagError(f"bag {self.path} is damaged: {_first_line(error)}") from None

    def decode(self, message: BagMessage) -> Any:
        """The message as an object with the fields of its definition.

        One of this package that an older release recorded also has those that came later, at what
        they mean where they are absent.

        Raises:
            BagError: its type is not defined anywhere, or its data is damaged.
        """
        try:
            return self._decode(self._store(message.type), message)
        except DAMAGE as error:
            told = _first_line(error)
        # Where the definition is not the recording's own, the message may be an older one.
        if gained_fields(message.type):
            with suppress(*DAMAGE):
                return self._decode(older_types(), message)
        raise BagError(f"message on {message.topic} in {self.path} is no {message.type}: {told}")

    def close(self) -> None:
        """Closes the files; closing twice does nothing."""
        if self._reader.is_open:
            self._reader.close()
        self._remove_unpacked()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _decode(self, store: Typestore, message: BagMessage) -> Any:
        decoded = store.deserialize_cdr(message.data, message.type)
        key = (message.type, id(store))
        if key not in self._older:
            self._older[key] = lacks_fields(message.type, store)
        return completed(decoded, message.type) if self._older[key] else decoded

    def _plain(self, storage: Path) -> Path:
        """The storage, unpacked if it is a file that is compressed as a whole."""
        if not is_packed(storage):
            return storage
        self._unpacked = TemporaryDirectory(prefix="pam_ros-unpacked-")
        plain = Path(self._unpacked.name) / plain_name(storage)
        damage = unpack(storage, plain)
        if damage:
            raise ReaderError(damage)
        return plain

    def _remove_unpacked(self) -> None:
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def _in_files(self) -> Iterator[Connection]:
        """The topics as the files of a folder have them.

        The library reads nothing, and says nothing, of a topic whose QoS metadata.yaml states
        otherwise than its file.
        """
        for storage in getattr(self._reader.storage, "storages", ()):
            yield from storage.connections

    def _store(self, type_name: str) -> Typestore:
        if type_name in self._types.fielddefs:
            return self._types
        if self._fallback is None:
            self._fallback = known_types(self._fallback_folders)
        if type_name not in self._fallback.fielddefs:
            if type_name in self._unparsed:
                raise BagError(
                    f"the definition of {type_name} in bag {self.path} cannot be read: "
                    f"{self._unparsed[type_name]}"
                )
            raise BagError(
                f"bag {self.path} holds no definition of {type_name}: give its .msg folder"
            )
        return self._fallback


# Bags of one robot have the same types, and the store's code is generated anew each time.
@lru_cache(maxsize=32)
def _types_of(
    topics: tuple[tuple[str, MessageDefinitionFormat, str], ...],
) -> tuple[Typestore, dict[str, str]]:
    """From each topic's type and definition the types that a bag defines; why some are not read.

    Service events, for one, have the text of their .srv file for a definition.
    """
    definitions: dict[str, Any] = {}
    unparsed: dict[str, str] = {}
    for name, form, text in topics:
        try:
            if form is MessageDefinitionFormat.MSG:
                definitions.update(definition(text, name))
            elif form is MessageDefinitionFormat.IDL:
                definitions.update(idl_definition(text))
        except DAMAGE as error:  # noqa: PERF203  (each topic by itself)
            unparsed[name] = _first_line(error)
    store = get_typestore(Stores.EMPTY)
    if definitions:
        store.register(definitions)
    return store, unparsed


def _topics(connections: list[Connection]) -> dict[str, BagTopic]:
    topics: dict[str, BagTopic] = {}
    for connection in connections:
        before = topics.get(connection.topic)
        offered = tuple(getattr(connection.ext, "offered_qos_profiles", ()))
        topics[connection.topic] = BagTopic(
            name=connection.topic,
            type=connection.msgtype,
            count=connection.msgcount + (before.count if before else 0),
            qos=offered + (before.qos if before else ()),
            definition=_definition(connection) or (before.definition if before else None),
        )
    return topics


def _definition(connection: Connection) -> Definition | None:
    form, text = connection.msgdef
    encoding = {MessageDefinitionFormat.MSG: "ros2msg", MessageDefinitionFormat.IDL: "ros2idl"}
    if form not in encoding or not text:
        return None
    return Definition(encoding[form], text, connection.digest)


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0][:300]
