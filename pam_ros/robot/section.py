# SPDX-License-Identifier: Apache-2.0
"""Reads fields from a parsed YAML file and collects every problem instead of raising the first."""

from __future__ import annotations

import difflib
import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from pam_ros.robot.errors import ContractError
from pam_ros.robot.stamps import STAMPS, Stamping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MAX_BYTES = 1_000_000
FILL_IN = "FILL_IN"
"""Stands in a draft of a contract where a person has to write something."""
# Of a clock that began in 1970 [s], and more.
_MAX_OFFSET_S = 1e10
# ROS 2 names: tokens of letters, digits and underscores that do not start with a digit.
_TOPIC = re.compile(r"(/|~/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader, except that a key given twice is an error and not the last one wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key.value}' is given twice", key.start_mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_yaml(path: Path) -> object:
    """The parsed content of a YAML file of at most a megabyte.

    Raises:
        ContractError: the file is missing, unreadable, too large or not YAML.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ContractError(f"{path} is larger than a megabyte; a contract is a short file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractError(f"contract {path} does not exist") from None
    except OSError as error:
        raise ContractError(f"contract {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ContractError(f"contract {path} is not UTF-8 text") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> object:
    """The parsed content of a YAML text; ``name`` stands for it in messages.

    Raises:
        ContractError: the text is not YAML.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ContractError(f"{name}{where}: not valid YAML: {what}") from None
    except (
        # What yaml's constructors raise for a tag on a text that it does not fit.
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ContractError(f"{name}: not valid YAML: {error}") from None


def suggestion(word: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?`` for the known word closest to this one, or nothing."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


class Section:
    """One mapping of the file.

    Fields are taken by key. A missing or wrong field adds a sentence to ``problems`` and yields
    None, so that reading goes on and the user sees everything at once. ``finish`` reports the keys
    that nobody took.
    """

    def __init__(self, data: object, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems
        self.data: dict[Any, object] = {}
        self._known: list[str] = []
        if isinstance(data, dict):
            self.data = data
        else:
            problems.append(
                f"{where or 'the file'} is {_kind(data)}; it must be a mapping of keys to values"
            )

    def path(self, key: str) -> str:
        """The key's full name for messages, for example ``cameras[0].topic``."""
        return f"{self.where}.{key}" if self.where else key

    def problem(self, key: str, sentence: str) -> None:
        """Adds ``<path of key> <sentence>`` to the problems."""
        self.problems.append(f"{self.path(key)} {sentence}")

    def has(self, key: str) -> bool:
        """Whether the key is given and not null."""
        return self.data.get(key) is not None

    def take(self, key: str, *, required: bool = False) -> object:
        """The raw value, None where it is absent or null."""
        self._known.append(key)
        value = self.data.get(key)
        if value == FILL_IN:
            self.problem(key, f"is still {FILL_IN}: write what the comment beside it asks for")
            return None
        if value is None and required:
            self.problem(key, "is missing")
        return value

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A text that is not empty."""
        value = self.take(key, required=required)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.problem(key, f"is {_kind(value)}; it must be a text")
            return None
        return value

    def choice(self, key: str, choices: Sequence[str], *, required: bool = False) -> str | None:
        """One of a few words."""
        value = self.text(key, required=required)
        if value is not None and value not in choices:
            self.problem(
                key,
                f"is '{value}'; it must be one of {', '.join(choices)}{suggestion(value, choices)}",
            )
            return None
        return value

    def number(
        self,
        key: str,
        *,
        required: bool = False,
        above: float = -math.inf,
        minimum: float = -math.inf,
        maximum: float = math.inf,
    ) -> float | None:
        """A finite number with ``above < value``, ``minimum <= value <= maximum``."""
        value = self.take(key, required=required)
        if value is None:
            return None
        number = _number(value)
        if number is None:
            self.problem(key, f"is {_kind(value)}; it must be a finite number")
            return None
        if number <= above or number < minimum or number > maximum:
            self.problem(key, f"is {number:g}; it must be {_range(above, minimum, maximum)}")
            return None
        return number

    def switch(self, key: str) -> bool | None:
        """True or false."""
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            self.problem(key, f"is {_kind(value)}; it must be true or false")
            return None
        return value

    def whole(self, key: str, *, required: bool = False, minimum: int = 0) -> int | None:
        """A whole number that is at least ``minimum`` and at most 100000."""
        number = self.number(key, required=required, minimum=minimum, maximum=100_000)
        if number is None:
            return None
        if number != int(number):
            self.problem(key, f"is {number:g}; it must be a whole number")
            return None
        return int(number)

    def pair(self, key: str, *, largest: float) -> tuple[float, float] | None:
        """``[lower, upper]``, both within ``largest`` of zero."""
        value = self.take(key)
        if value is None:
            return None
        ends = [_number(end) for end in value] if isinstance(value, list) else []
        lower, upper = ends if len(ends) == 2 else (None, None)
        if lower is None or upper is None:
            self.problem(key, "must be [lower, upper], two finite numbers")
            return None
        if lower >= upper:
            self.problem(key, f"is [{lower:g}, {upper:g}]; the lower end must come first")
            return None
        if max(-lower, upper) > largest:
            self.problem(
                key, f"is [{lower:g}, {upper:g}]; it is in rad, and these look like degrees"
            )
            return None
        return lower, upper

    def section(self, key: str, *, required: bool = False) -> Section | None:
        """A nested mapping."""
        value = self.take(key, required=required)
        return None if value is None else Section(value, self.path(key), self.problems)

    def items(self, key: str, *, required: bool = False) -> list[object]:
        """A list; a required one is not empty."""
        value = self.take(key, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(key, f"is {_kind(value)}; it must be a list")
            return []
        if required and not value:
            self.problem(key, "is an empty list; it needs at least one entry")
        return value

    def finish(self) -> None:
        """Reports every key that was never taken."""
        for key in self.data:
            if key not in self._known:
                self.problems.append(
                    f"{self.path(str(key))} is not known{suggestion(str(key), self._known)}"
                )


def read_topic(section: Section, key: str = "topic", *, required: bool = True) -> str:
    """The section's topic; empty, and a problem, if it has none or one that ROS 2 refuses."""
    topic = section.text(key, required=required)
    if topic is not None and not _TOPIC.fullmatch(topic):
        section.problem(
            key, f"is '{topic}', which is no ROS 2 topic name (for example /top/image_raw)"
        )
    return topic or ""


def read_stamping(section: Section, topic: str, *, has_header: bool) -> Stamping:
    """What time a source's messages are of."""
    by = section.choice("stamp", STAMPS)
    if by == STAMPS[0] and not has_header:
        section.problem("stamp", f"is header; what comes on {topic} has none: write arrival")
    offset = section.number("stamp_offset_s", minimum=-_MAX_OFFSET_S, maximum=_MAX_OFFSET_S)
    return Stamping(by or STAMPS[0], offset or 0.0)


def repeated(values: Iterable[str]) -> list[str]:
    """Those that occur more than once; an empty one was missing and is not counted."""
    listed = list(values)
    return sorted({value for value in listed if value and listed.count(value) > 1})


def _number(value: object) -> float | None:
    # PyYAML follows YAML 1.1 and reads 1e-3 as a text.
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _range(above: float, minimum: float, maximum: float) -> str:
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    if minimum > -math.inf:
        bounds.append(f"at least {minimum:g}")
    if maximum < math.inf:
        bounds.append(f"at most {maximum:g}")
    return " and ".join(bounds)


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a switch)"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text '{value[:40]}'"
    return "a list" if isinstance(value, list) else "a mapping"
