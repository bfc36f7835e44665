# SPDX-License-Identifier: Apache-2.0
"""What is in a recording, in lines for people."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags.reader import BagReader

if TYPE_CHECKING:
    from collections.abc import Iterator


def info_lines(path: str | Path) -> Iterator[str]:
    """When it was recorded, how large it is, and its topics with types, counts and rates.

    Raises:
        BagError: it cannot be read.
    """
    path = Path(path)
    with BagReader(path) as reader:
        files = [each for each in path.iterdir() if each.is_file()] if path.is_dir() else [path]
        size = sum(each.stat().st_size for each in files)
        seconds = (reader.end_ns - reader.start_ns) * 1e-9
        count = sum(topic.count for topic in reader.topics.values())
        yield f"{path}: {count} messages, {seconds:.1f} s, {size / 1e6:.1f} MB"
        if count:
            yield f"  from {_time(reader.start_ns)} to {_time(reader.end_ns)}"
        topics = sorted(reader.topics.values(), key=lambda topic: topic.name)
        longest = max((len(topic.name) for topic in topics), default=0)
        widest = max((len(topic.type) for topic in topics), default=0)
        for topic in topics:
            rate = f"  {topic.count / seconds:6.1f} Hz" if seconds > 0 else ""
            yield f"  {topic.name:{longest}}  {topic.type:{widest}}  {topic.count:6}{rate}"
        for raw, at in sorted(reader.stored.items()):
            yield f"  {at} is read as {raw} too"


def _time(stamp_ns: int) -> str:
    """By the zone of this machine's clock, to the second; simulated time is from 1970 on."""
    moment = datetime.fromtimestamp(stamp_ns * 1e-9, tz=timezone.utc)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
