# SPDX-License-Identifier: Apache-2.0
"""What packets of H.264 say of their place in the stream: where it can begin, and what is missing.

A decoder conceals a picture that lacks what it was made from: it shows a mixture, and says nothing.
So frame numbers are read here (ITU-T H.264, 7.3 and 7.4.3), from parameter sets and the heads of
slices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = re.compile(rb"\x00\x00\x01")
_SLICE, _IDR, _SEI, _SPS, _PPS = 1, 5, 6, 7, 8
_RECOVERY_POINT = 6
# So much of a unit holds what is read of it.
_HEAD = 256
# Profiles whose parameter sets say more of the colours.
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True)
class _Parameters:
    """Of a sequence: bits of a frame number, and whether colours have slices of their own."""

    bits: int
    planes_apart: bool


@dataclass(frozen=True)
class PacketNumbers:
    """What one packet says.

    Attributes:
        begins: a decoder can begin here: a key frame, or a point from which a stream recovers.
        gap: a picture is missing that this one, or one before it, was made from.
        pictures: whether it holds a picture, and not parameters alone.
    """

    begins: bool
    gap: bool
    pictures: bool


class FrameNumbers:
    """Follows one stream, packet by packet, in the order of sending."""

    def __init__(self) -> None:
        self._sequences: dict[int, _Parameters] = {}
        self._sequence_of: dict[int, int] = {}
        self._last: int | None = None

    def restart(self) -> None:
        """What comes next need not follow what came before; parameter sets stay."""
        self._last = None

    def read(self, data: bytes) -> PacketNumbers:
        """The next packet.

        Raises:
            ValueError: it has no start code of Annex B, or ends within its head.
        """
        begins = gap = pictures = False
        for unit in _units(data):
            kind, used = unit[0] & 31, bool(unit[0] & 96)
            if kind == _SPS:
                self._read_sequence(unit)
            elif kind == _PPS:
                bits = _Bits(unit)
                picture = bits.exp()
                self._sequence_of[picture] = bits.exp()
            elif kind == _SEI:
                begins |= _recovers(unit)
            elif kind in {_SLICE, _IDR} and not pictures:
                pictures = True
                begins |= kind == _IDR
                gap = self._read_slice(unit, idr=kind == _IDR, used=used)
        return PacketNumbers(begins, gap, pictures)

    def _read_sequence(self, unit: bytes) -> None:
        bits = _Bits(unit)
        profile = bits.take(8)
        bits.take(16)
        number = bits.exp()
        planes_apart = False
        if profile in _HIGH:
            chroma = bits.exp()
            planes_apart = chroma == 3 and bits.take(1) == 1
            bits.exp()
            bits.exp()
            bits.take(1)
            if bits.take(1):
                _skip_scaling(bits, 12 if chroma == 3 else 8)
        self._sequences[number] = _Parameters(bits.exp() + 4, planes_apart)

    def _read_slice(self, unit: bytes, *, idr: bool, used: bool) -> bool:
        """Whether something is missing before this picture."""
        bits = _Bits(unit)
        bits.exp()
        bits.exp()
        parameters = self._sequences.get(self._sequence_of.get(bits.exp(), -1))
        if parameters is None:
            return False
        if parameters.planes_apart:
            bits.take(2)
        number = bits.take(parameters.bits)
        expected = None if self._last is None else (self._last + 1) % (1 << parameters.bits)
        gap = not idr and expected is not None and number not in {self._last, expected}
        # A picture that none is made from has the number of the next one that some are made from.
        if used or idr:
            self._last = number
        return gap


class _Bits:
    """Reads the bits of a unit behind its first byte, without the bytes that only guard codes."""

    def __init__(self, unit: bytes) -> None:
        head = unit[1:_HEAD].replace(b"\x00\x00\x03", b"\x00\x00")
        self._left = len(head) * 8
        self._value = int.from_bytes(head, "big")

    def take(self, count: int) -> int:
        """An unsigned number of so many bits."""
        if count > self._left:
            raise ValueError("a unit of H.264 is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def exp(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number in a unit of H.264 is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_exp(self) -> int:
        """A signed one."""
        code = self.exp()
        return (code + 1) // 2 if code % 2 else -code // 2


def _units(data: bytes) -> Iterator[bytes]:
    """The heads of the units between start codes; none is empty."""
    starts = [found.end() for found in _START.finditer(data)]
    if not starts:
        raise ValueError("it has no start code: H.264 in the form of Annex B is read")
    for place, start in enumerate(starts):
        end = starts[place + 1] - 3 if place + 1 < len(starts) else len(data)
        if end > start:
            yield data[start : min(end, start + _HEAD)]


def _recovers(unit: bytes) -> bool:
    """Whether supplemental information says that a stream can be joined here."""
    place = 1
    while place + 2 <= len(unit) and unit[place] != 0x80:
        kind = size = 0
        for which in range(2):
            total = 0
            while place < len(unit) and unit[place] == 0xFF:
                total, place = total + 255, place + 1
            if place >= len(unit):
                return False
            total, place = total + unit[place], place + 1
            kind, size = (total, size) if which == 0 else (kind, total)
        if kind == _RECOVERY_POINT:
            return True
        place += size
    return False


def _skip_scaling(bits: _Bits, lists: int) -> None:
    for place in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if place < 6 else 64):
            if following:
                following = (last + bits.signed_exp() + 256) % 256
            last = following or last
