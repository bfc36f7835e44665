# SPDX-License-Identifier: Apache-2.0
"""CDR (OMG formal/02-06-51, as XCDR version 1) compiled per type.

For each structure one encode and one decode function is generated: runs of fixed-size fields,
through nested messages, become one struct call; numeric arrays are moved as blocks. Alignment
counts from the byte after the four-byte encapsulation header.
"""

from __future__ import annotations

import array
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from .interfaces import EMPTY_MEMBER, Definition, FieldType, interfaces

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER_LITTLE_ENDIAN = b"\x00\x01\x00\x00"
FORMATS = {
    "bool": "?", "byte": "c", "char": "B", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H",
    "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
}  # fmt: skip
# Numeric types whose arrays are array.array or numpy.ndarray. bool and byte are lists.
ARRAY_CODES = {name: code for name, code in FORMATS.items() if name not in ("bool", "byte")}
DTYPES = {name: np.dtype(code) for name, code in ARRAY_CODES.items()}
_PADDING = tuple(b"\x00" * n for n in range(8))


class CdrError(Exception):
    """Bytes that are not the CDR of the expected type."""


def _structs(codes: str, order: str) -> tuple[struct.Struct, ...]:
    """One struct per offset modulo 8, with the padding that CDR puts before each member."""
    variants = []
    for start in range(8):
        position, parts = start, [order]
        for code in codes:
            size = struct.calcsize("<" + code)
            padding = -position % size
            parts.append("x" * padding + code)
            position += padding + size
        variants.append(struct.Struct("".join(parts)))
    return tuple(variants)


class _Compiler:
    """Shared parts of both generators: source lines, constants, and the pending run of fields."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"PADDING": _PADDING, "CdrError": CdrError, "np": np}
        self.indent = 1
        self.count = 0
        self.codes = ""
        self.items: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def new(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def constant(self, value: object, prefix: str) -> str:
        name = self.new(prefix)
        self.names[name] = value
        return name

    def put(self, code: str, item: str) -> None:
        self.codes += code
        self.items.append(item)

    def flush(self) -> None:
        if not self.codes:
            return
        structs = self.constant(_structs(self.codes, self.order), "S")
        self.add(f"s = {structs}[pos & 7]")
        self.run(self.items)
        self.add("pos += s.size")
        self.codes, self.items = "", []

    def run(self, items: list[str]) -> None:
        raise NotImplementedError

    def compile(self, name: str, signature: str, last: str) -> Callable[..., Any]:
        self.flush()
        self.add(last)
        source = "\n".join([f"def {name}({signature}):", *self.lines])
        exec(compile(source, f"<cdr {name}>", "exec"), self.names)  # noqa: S102
        function: Callable[..., Any] = self.names[name]
        return function


class _Encoder(_Compiler):
    def run(self, items: list[str]) -> None:
        self.add(f"add(s.pack({', '.join(items)}))")

    def structure(self, definition: Definition, variable: str) -> None:
        for name, field in definition.fields:
            self.field(field, "0" if name == EMPTY_MEMBER else f"{variable}._{name}")

    def single(self, field: FieldType, value: str) -> None:
        if field.message:
            variable = self.new()
            self.add(f"{variable} = {value}")
            self.structure(interfaces.definition(field.base), variable)
        elif field.base == "string":
            text = self.new("t")
            self.add(f"{text} = {value}.encode() + b'\\0'")
            self.put("I", f"len({text})")
            self.flush()
            self.add(f"add({text}); pos += len({text})")
        elif field.base in FORMATS:
            self.put(FORMATS[field.base], value)
        else:
            raise NotImplementedError(f"fields of type {field.base}")

    def field(self, field: FieldType, value: str) -> None:
        if field.kind == "single":
            self.single(field, value)
            return
        variable = self.new()
        self.add(f"{variable} = {value}")
        if field.kind == "sequence":
            self.put("I", f"len({variable})")
        elif field.base not in DTYPES:
            name = value.rsplit("._", maxsplit=1)[-1]
            self.add(f"if len({variable}) != {field.size}:")
            self.add(f"    raise ValueError('{name} needs {field.size} elements')")
        self.flush()
        if field.base in DTYPES:
            size = DTYPES[field.base].itemsize
            if size > (4 if field.kind == "sequence" else 1):
                self.add(f"if len({variable}): p = -pos % {size}; add(PADDING[p]); pos += p")
            data = variable if field.kind == "sequence" else f"{variable}.tobytes()"
            self.add(f"add({data}); pos += len({variable}) * {size}")
        elif field.base in ("bool", "byte"):
            data = f"bytes({variable})" if field.base == "bool" else f"b''.join({variable})"
            self.add(f"add({data}); pos += len({variable})")
        else:
            item = self.new()
            self.add(f"for {item} in {variable}:")
            self.indent += 1
            self.single(FieldType(field.base, field.message), item)
            self.flush()
            self.indent -= 1


class _Decoder(_Compiler):
    def __init__(self, order: str, class_of: Callable[[str], type]) -> None:
        super().__init__(order)
        self.class_of = class_of
        self.names.update(array=array.array, new=object.__new__)

    def run(self, items: list[str]) -> None:
        self.add(f"({', '.join(items)},) = s.unpack_from(buf, pos)")

    def structure(self, definition: Definition) -> str:
        variable = self.new()
        self.add(f"{variable} = new({self.constant(self.class_of(definition.name), 'C')})")
        self.add(f"{variable}._check_fields = True")
        for name, field in definition.fields:
            self.field(field, "_" if name == EMPTY_MEMBER else f"{variable}._{name}")
        return variable

    def need(self, size: str) -> None:
        self.add(f"e = pos + {size}")
        self.add("if e > end: raise CdrError('the data ends within a field')")

    def single(self, field: FieldType, target: str) -> None:
        if field.message:
            self.add(f"{target} = {self.structure(interfaces.definition(field.base))}")
        elif field.base == "string":
            length = self.new("n")
            self.put("I", length)
            self.flush()
            self.need(length)
            self.add(f"{target} = str(buf[pos:e - 1], 'utf-8', 'replace') if {length} else ''")
            self.add("pos = e")
        elif field.base in FORMATS:
            self.put(FORMATS[field.base], target)
        else:
            raise NotImplementedError(f"fields of type {field.base}")

    def field(self, field: FieldType, target: str) -> None:
        if field.kind == "single":
            self.single(field, target)
            return
        count = str(field.size)
        if field.kind == "sequence":
            count = self.new("n")
            self.put("I", count)
        self.flush()
        if field.base in DTYPES:
            self.block(field, target, count)
        elif field.base in ("bool", "byte"):
            self.need(count)
            item = "b != 0" if field.base == "bool" else "bytes((b,))"
            self.add(f"{target} = [{item} for b in buf[pos:e]]")
            self.add("pos = e")
        else:
            self.add(f"if {count} > end - pos: raise CdrError('a sequence exceeds the data')")
            items, item = self.new("l"), self.new("i")
            self.add(f"{items} = {target} = []")
            self.add(f"for _ in range({count}):")
            self.indent += 1
            self.single(FieldType(field.base, field.message), item)
            self.flush()
            self.add(f"{items}.append({item})")
            self.indent -= 1

    def block(self, field: FieldType, target: str, count: str) -> None:
        dtype = DTYPES[field.base]
        if dtype.itemsize > (4 if field.kind == "sequence" else 1):
            self.add(f"if {count}: pos += -pos % {dtype.itemsize}")
        self.need(f"{count} * {dtype.itemsize}")
        if field.kind == "array":
            swapped = self.constant(dtype.newbyteorder("<" if self.order == "<" else ">"), "D")
            native = self.constant(dtype, "D")
            self.add(f"{target} = np.frombuffer(buf[pos:e], {swapped}).astype({native})")
        else:
            values = self.new("a")
            self.add(f"{values} = array('{ARRAY_CODES[field.base]}')")
            self.add(f"{values}.frombytes(buf[pos:e])")
            if self.order == ">" and dtype.itemsize > 1:
                self.add(f"{values}.byteswap()")
            self.add(f"{target} = {values}")
        self.add("pos = e")


class Codec:
    """Encodes and decodes one structure.

    Args:
        name: Full name of the structure.
        class_of: Gives the Python class of a structure by its full name.

    """

    def __init__(self, name: str, class_of: Callable[[str], type]) -> None:
        self.name = name
        self._class_of = class_of
        encoder = _Encoder("<")
        encoder.structure(interfaces.definition(name), "m")
        self._encode = encoder.compile("encode", "m, add, pos", "return pos")
        self._decoders: dict[str, Callable[..., Any]] = {}

    def encode(self, message: object, prefix: bytes = b"") -> bytes:
        """Little-endian CDR of a message, header included; prefix goes before its first field."""
        parts = [HEADER_LITTLE_ENDIAN, prefix]
        self._encode(message, parts.append, len(prefix))
        return b"".join(parts)

    def decode(self, data: bytes | memoryview, offset: int = 0) -> Any:
        """A message from CDR with header; offset is where its first field starts after the header.

        Raises:
            CdrError: the data is not this type's CDR: too short, too long, other encapsulation.

        """
        view = memoryview(data)
        if len(view) < 4 or view[0] != 0 or view[1] not in (0, 1):
            raise CdrError(f"{self.name}: the encapsulation header is not plain CDR")
        order = "<" if view[1] else ">"
        if order not in self._decoders:
            decoder = _Decoder(order, self._class_of)
            result = decoder.structure(interfaces.definition(self.name))
            last = f"return {result}, pos"
            self._decoders[order] = decoder.compile("decode", "buf, pos, end", last)
        end = len(view) - 4
        try:
            message, position = self._decoders[order](view[4:], offset, end)
        except (struct.error, ValueError, CdrError) as error:
            raise CdrError(f"{self.name}: {error}") from error
        # Writers pad to a multiple of four.
        if not end - 4 < position <= end:
            raise CdrError(f"{self.name}: {position} bytes are expected, {end} are there")
        return message
