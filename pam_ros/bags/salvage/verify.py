# SPDX-License-Identifier: Apache-2.0
"""New files are read back before they take the old ones' places, and the old ones once more.

Each check reads with a program that did not write: the mcap library's stream, SQLite, and rosbags.
"""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import closing, suppress
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader

from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_file import ENDING as MCAP
from pam_ros.bags.reader import BagReader
from pam_ros.bags.salvage.found import SalvagedMessage, digest, payload
from pam_ros.bags.salvage.from_sqlite import tables_in
from pam_ros.bags.storages import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from pam_ros.bags.salvage.found import Salvage

Digests = dict[str, "array[int]"]
_Stored = tuple[str, bytes, int, int, int]
_READS_NOTHING_LARGER = 1 << 30


def check_copy(old: Salvage, new: Path) -> None:
    """Compare a new file with what is salvaged of its old one, message by message.

    Topic, data, stamps and number have to be equal, in the same order.

    Raises:
        BagError: they differ.
    """
    salvaged = (_stored(old, item) for item in old.read() if isinstance(item, SalvagedMessage))
    try:
        for place, (one, other) in enumerate(zip_longest(salvaged, _messages(new))):
            if one is None or other is None or not _equal(one, other, old.compress_plain):
                raise BagError(
                    f"message {place} of {old.name} does not read back as it was: the bag is left "
                    "as it was"
                )
    except DAMAGE as error:
        raise BagError(
            f"the repaired {old.name} does not read back ({error}): the bag is left as it was"
        ) from None


def check_nothing_missed(old: Salvage) -> None:
    """Read the old file with other programs as far as they come; they must find nothing more.

    Raises:
        BagError: they do.
    """
    # SQLite gives zeros for what is cut off, and takes them for data.
    for found in () if old.cut else (_streamed(old.path), _indexed(old.path)):
        for topic, seen in found.items():
            if not _within(seen, old.digests.get(topic, array("Q"))):
                raise BagError(
                    f"another reader finds messages of {topic} in {old.name} that a repair would "
                    "lose: the bag is left as it was"
                )


def read_back(bag: Path) -> Digests:
    """One number for each message, by topic, as rosbags reads the bag.

    Raises:
        BagError: it cannot be read.
    """
    found: Digests = {}
    with BagReader(bag) as reader:
        for message in reader.messages():
            found.setdefault(message.topic, array("Q")).append(
                digest(message.stamp_ns, message.data)
            )
    return found


def joined(files: Iterable[Salvage]) -> Digests:
    """The digests of several files together."""
    found: Digests = {}
    for file in files:
        for topic, digests in file.digests.items():
            found.setdefault(topic, array("Q")).extend(digests)
    return found


def same(one: Mapping[str, array[int]], other: Mapping[str, array[int]]) -> bool:
    """Whether both hold the same messages, in any order."""
    return {topic for topic, found in one.items() if found} == {
        topic for topic, found in other.items() if found
    } and all(np.array_equal(_sorted(found), _sorted(other[topic])) for topic, found in one.items())


def _within(part: array[int], whole: array[int]) -> bool:
    """Whether all of a part is in the whole, as often."""
    values, counts = np.unique(_sorted(whole), return_counts=True)
    wanted, times = np.unique(_sorted(part), return_counts=True)
    places = np.minimum(np.searchsorted(values, wanted), max(len(values) - 1, 0))
    if not len(values):
        return not len(wanted)
    return bool(np.all((values[places] == wanted) & (counts[places] >= times)))


def _sorted(digests: array[int]) -> npt.NDArray[np.uint64]:
    return np.sort(np.frombuffer(digests, dtype=np.uint64)) if digests else np.empty(0, np.uint64)


def _stored(old: Salvage, message: SalvagedMessage) -> _Stored:
    name = old.topics[message.key].record.name
    return name, message.data, message.stamp_ns, message.publish_ns, message.number


def _equal(one: _Stored, other: _Stored, unpacked: bool) -> bool:
    """Whether two messages are equal; `unpacked`: one may have been compressed on its way."""
    if unpacked:
        return (one[0], payload(one[1]), *one[2:]) == (other[0], payload(other[1]), *other[2:])
    return one == other


def _messages(new: Path) -> Iterator[_Stored]:
    """All that a new file holds, in its order."""
    if new.suffix == MCAP:
        yield from _of_mcap(new)
        return
    with closing(sqlite3.connect(f"{new.absolute().as_uri()}?immutable=1", uri=True)) as database:
        # Neither a view nor a virtual table is believed: they run code of their choice.
        if {"topics", "messages"} <= tables_in(database):
            names = dict(database.execute("SELECT id, name FROM topics"))
            last = -(2**63)
            for number, topic, stamp, data in database.execute(
                "SELECT id, topic_id, timestamp, data FROM messages ORDER BY id"
            ):
                if number <= last:
                    return  # in a damaged tree, pages may lead back to themselves
                last = number
                yield names[topic], data, stamp, stamp, number


def _of_mcap(file: Path) -> Iterator[_Stored]:
    topics: dict[int, str] = {}
    with file.open("rb") as stream:
        reader = StreamReader(stream, validate_crcs=True, record_size_limit=_READS_NOTHING_LARGER)
        for record in reader.records:
            if isinstance(record, Channel):
                topics[record.id] = record.topic
            elif isinstance(record, Message):
                yield (
                    topics[record.channel_id],
                    record.data,
                    record.log_time,
                    record.publish_time,
                    record.sequence,
                )


def _streamed(old: Path) -> Digests:
    """Messages of an old file up to its first damage, without an index."""
    found: Digests = {}
    # What is damaged ends the reading: all before it counts.
    with suppress(*DAMAGE):
        for topic, data, stamp, _, _ in _messages(old):
            found.setdefault(topic, array("Q")).append(digest(stamp, payload(data)))
    return found


def _indexed(old: Path) -> Digests:
    """Messages of an old file by its index; none if that does not open."""
    found: Digests = {}
    with suppress(BagError), BagReader(old) as reader:
        for message in reader.messages():
            found.setdefault(message.topic, array("Q")).append(
                digest(message.stamp_ns, payload(bytes(message.data)))
            )
    return found
