# SPDX-License-Identifier: Apache-2.0
"""Writes what mypy knows of rclpy and of the messages: python scripts/write_typings.py.

typings/ and pam_ros/msg.pyi have the classes that nodes import: rclpy is the embedded one, which is
annotated; messages are those that this repository's Python imports, with what they are made of,
from the definitions that the embedded runtime goes by. pam_ros/message_types/ has a Protocol for
each message that code without ROS takes, whose objects may also be rosbags'. A test compares the
committed files with what this writes.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rclpy_cyclone.imports.public_modules import ALSO, MODULES, full_name  # noqa: E402
from rclpy_cyclone.types.cdr import ARRAY_CODES, DTYPES  # noqa: E402
from rclpy_cyclone.types.interfaces import EMPTY_MEMBER, INTEGER_RANGES, interfaces  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rclpy_cyclone.types.interfaces import Definition, FieldType

OURS = "pam_ros"
HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Written by scripts/write_typings.py.\n"
FOLDERS = ("pam_ros", "rclpy_cyclone", "bench", "research", "test", "examples", "launch")
_PYTHON = {
    "bool": "bool", "byte": "bytes", "string": "str", "wstring": "str", "float32": "float",
    "float64": "float", **dict.fromkeys(INTEGER_RANGES, "int"),
}  # fmt: skip
# The messages that have a Protocol, beside our own and what all of these are made of.
WITHOUT_ROS = (
    "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/JointState",
    "std_msgs/msg/Float64MultiArray", "std_msgs/msg/String", "trajectory_msgs/msg/JointTrajectory",
    "diagnostic_msgs/msg/DiagnosticArray",
)  # fmt: skip
# What a field of many numbers or texts takes; a str is no list of texts.
_ALIASES = {
    "_Ints": "Sequence[int] | Set[int] | NDArray[Any]",
    "_Floats": "Sequence[float] | Set[float] | NDArray[Any]",
    "_Texts": "list[str] | tuple[str, ...] | Set[str]",
}


def all_files() -> dict[str, str]:
    """Every generated file: its path in the repository -> its text."""
    if not interfaces.names(OURS, "msg"):
        interfaces.add_package(OURS, ROOT / "msg")
    files = {f"typings/{_path(module)}": _public_module(module) for module in MODULES}
    wanted = _with_parts(_imported())
    for package in sorted({name.split("/")[0] for name in wanted}):
        kinds = {name.split("/")[1] for name in wanted if name.startswith(f"{package}/")}
        for kind in sorted(kinds):
            text = _interface_module(package, kind, wanted)
            files[f"{'' if package == OURS else 'typings/'}{package}/{kind}.pyi"] = text
        if package != OURS:
            files[f"typings/{package}/__init__.pyi"] = HEAD
    ours = [f"{OURS}/msg/{name}" for name in interfaces.names(OURS, "msg")]
    wanted = _with_parts([*WITHOUT_ROS, *ours])
    for package in sorted({name.split("/")[0] for name in wanted}):
        files[f"pam_ros/message_types/{package}.py"] = _protocol_module(package, wanted)
    return files


def _path(module: str) -> str:
    is_package = any(name.startswith(f"{module}.") for name in MODULES)
    return module.replace(".", "/") + ("/__init__.pyi" if is_package else ".pyi")


def _public_module(module: str) -> str:
    homes: dict[str, str] = {}
    for source in MODULES[module]:
        homes |= dict.fromkeys(_own_names(source), full_name(source))
    for source, names in ALSO.get(module, {}).items():
        homes |= dict.fromkeys(names.split(), full_name(source))
    lines = [f"from {home} import {name} as {name}\n" for name, home in homes.items()]
    return "\n".join([HEAD, "".join(sorted(lines))]) if lines else HEAD


def _own_names(module: str) -> set[str]:
    """The public names that a module of the runtime defines, and those that its `__all__` adds."""
    file = ROOT / f"{full_name(module).replace('.', '/')}.py"
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [each for target in targets for each in ast.walk(target)]
            assigned = {each.id for each in found if isinstance(each, ast.Name)}
            names |= assigned
            if "__all__" in assigned and node.value is not None:
                names |= set(ast.literal_eval(node.value))
    return {name for name in names if not name.startswith("_")}


def _imported() -> Iterator[str]:
    """Full names of the known messages and services that the repository's Python imports."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ImportFrom) or node.level:
                    continue
                package, _, kind = (node.module or "").partition(".")
                if kind in ("msg", "srv"):
                    known = interfaces.names(package, kind)
                    asked = [alias.name for alias in node.names]
                    yield from (f"{package}/{kind}/{name}" for name in asked if name in known)
    yield from (f"{OURS}/msg/{name}" for name in interfaces.names(OURS, "msg"))
    for name in (name for names in ALSO.values() for name in names if full_name(name) == name):
        package, kind = name.split(".")
        shown = {each for names in ALSO.values() for each in names.get(name, "").split()}
        yield from (f"{package}/{kind}/{each}" for each in shown)


def _with_parts(names: Iterable[str]) -> set[str]:
    """The names, and those of every structure that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for structure in _structures(name):
                fields = interfaces.definition(structure).fields
                waiting += [field.base for _, field in fields if field.message]
    return found


def _structures(name: str) -> tuple[str, ...]:
    return (f"{name}_Request", f"{name}_Response") if "/srv/" in name else (name,)


def _interface_module(package: str, kind: str, wanted: set[str]) -> str:
    names = sorted(name for name in wanted if name.startswith(f"{package}/{kind}/"))
    classes = []
    for name in names:
        classes += [_message(interfaces.definition(part)) for part in _structures(name)]
        if kind == "srv":
            classes.append(_service(name.rpartition("/")[2]))
    body = "\n".join(classes)
    others = {
        field.base
        for name in names
        for part in _structures(name)
        for _, field in interfaces.definition(part).fields
        if field.message and not field.base.startswith(f"{package}/{kind}/")
    }
    imports = [
        f"from {base.rpartition('/')[0].replace('/', '.')} import {base.rpartition('/')[2]}"
        for base in sorted(others)
    ]
    used = {name: text for name, text in _ALIASES.items() if name in body}
    aliases = [f"{name}: TypeAlias = {text}" for name, text in used.items()]
    lines = [*_imports(body + "".join(aliases), imports), "", *aliases]
    head = "\n".join(lines).strip("\n")
    return "\n".join([HEAD, *([f"{head}\n"] if head else []), body])


def _imports(text: str, messages: list[str]) -> list[str]:
    """The import lines that a stub's text needs, as isort wants them."""
    abstract = [name for name in ("Sequence", "Set") if f"{name}[" in text]
    typing = [name for name in ("Any", "ClassVar", "TypeAlias") if name in text]
    arrays = ["from numpy.typing import NDArray"] if "NDArray" in text else []
    standard = [
        *(["from array import array"] if "array[" in text else []),
        *([f"from collections.abc import {', '.join(abstract)}"] if abstract else []),
        *([f"from typing import {', '.join(typing)}"] if typing else []),
    ]
    if "(ServiceType[" in text:
        messages = [*messages, "from rclpy_cyclone.types.messages import ServiceType"]
    others = [*(["import numpy as np"] if "np." in text else []), *sorted(messages + arrays)]
    return [*standard, *([""] if standard and others else []), *others]


def _service(name: str) -> str:
    return (
        f"class {name}(ServiceType[{name}_Request, {name}_Response]):\n"
        f"    Request: TypeAlias = {name}_Request\n"
        f"    Response: TypeAlias = {name}_Response\n"
    )


def _message(definition: Definition) -> str:
    """A message's class: constants, constructor with its fields as keywords, fields."""
    lines = [f"class {definition.name.rpartition('/')[2]}:"]
    lines += [f"    {name}: ClassVar[{_PYTHON[base]}]" for name, base, _ in definition.constants]
    fields = [(name, field) for name, field in definition.fields if name != EMPTY_MEMBER]
    lines += ["    def __init__(", "        self,", "        *,"]
    lines += [f"        {name}: {taken(field)} = ..." for name, field in fields]
    lines = [line + "," if line.endswith("= ...") else line for line in lines]
    lines += ["        check_fields: bool | None = ...,", "    ) -> None: ..."]
    lines += ["    @classmethod", "    def get_fields_and_field_types(cls) -> dict[str, str]: ..."]
    for name, field in fields:
        if given(field) == taken(field):
            lines.append(f"    {name}: {given(field)}")
        else:
            lines += [
                "    @property", f"    def {name}(self) -> {given(field)}: ...",
                f"    @{name}.setter", f"    def {name}(self, value: {taken(field)}) -> None: ...",
            ]  # fmt: skip
    return "\n".join([*lines, ""])


def _element(field: FieldType) -> str:
    return field.base.rpartition("/")[2] if field.message else _PYTHON[field.base]


def given(field: FieldType) -> str:
    """The type that a field is read as."""
    if field.kind == "sequence" and field.base in ARRAY_CODES:
        return f"array[{_element(field)}]"
    if field.kind == "array" and field.base in DTYPES:
        return f"NDArray[np.{DTYPES[field.base].name}]"
    return _element(field) if field.kind == "single" else f"list[{_element(field)}]"


def taken(field: FieldType) -> str:
    """The type that a field takes."""
    if field.kind == "single":
        return _element(field)
    element = _element(field)
    alias = {"int": "_Ints", "float": "_Floats", "str": "_Texts"}.get(element)
    return alias or f"Sequence[{element}] | Set[{element}]"


def _protocol_module(package: str, wanted: set[str]) -> str:
    names = sorted(name for name in wanted if name.startswith(f"{package}/"))
    definitions = [interfaces.definition(name) for name in names]
    others = {
        field.base
        for definition in definitions
        for _, field in definition.fields
        if field.message and not field.base.startswith(f"{package}/")
    }
    body = "\n\n".join(_protocol(definition) for definition in definitions)
    blocks = [
        ["    from collections.abc import Sequence\n"] if "Sequence[" in body else [],
        ["    from numpy.typing import NDArray\n"] if "NDArray[" in body else [],
        [
            f"    from pam_ros.message_types.{base.split('/')[0]} import {base.split('/')[2]}\n"
            for base in sorted(others)
        ],
    ]
    imports = "\n".join("".join(block) for block in blocks if block)
    checking = "TYPE_CHECKING, " if imports else ""
    typing = f"from typing import {checking}{'Any, ' if 'Any' in body else ''}Protocol\n"
    about = f'"""Messages of {package} by their fields. Only for annotations."""\n'
    parts = [HEAD + about, "from __future__ import annotations\n", typing]
    return "\n".join([*parts, *([f"if TYPE_CHECKING:\n{imports}"] if imports else []), "", body])


def _protocol(definition: Definition) -> str:
    """A Protocol with a message's fields.

    Numbers and messages are given as whoever made the message keeps them, and taken as any maker
    takes them; a part is taken only by a message of its own maker, which a Protocol cannot say.
    """
    name = definition.name.rpartition("/")[2]
    blocks = [f'class {name}(Protocol):\n    """A {definition.name}."""\n']
    attributes = []
    for field_name, field in definition.fields:
        read, written = _seen(field)
        if read == written and field.kind == "single":
            attributes.append(f"    {field_name}: {read}\n")
        else:
            blocks.append(f"    @property\n    def {field_name}(self) -> {read}: ...\n")
            setter = f"def {field_name}(self, value: {written}) -> None: ..."
            blocks.append(f"    @{field_name}.setter\n    {setter}\n")
    blocks[1:1] = ["".join(attributes)] if attributes else []
    return "\n".join(blocks)


def _seen(field: FieldType) -> tuple[str, str]:
    """The types that a field of a Protocol is read as and takes."""
    element = _element(field)
    if field.message:
        return (element if field.kind == "single" else f"Sequence[{element}]"), "Any"
    if field.base == "byte":
        return ("bytes | int" if field.kind == "single" else "Sequence[bytes | int]"), "Any"
    if field.kind == "single":
        return element, element
    if field.base in ARRAY_CODES:
        numbers = f"Sequence[{element}] | NDArray[Any]"
        return numbers, numbers
    return f"Sequence[{element}]", f"list[{element}]"


def main() -> None:
    """Write the files, and remove those that are no longer written."""
    files = all_files()
    for old in (ROOT / "typings").rglob("*.pyi"):
        if old.relative_to(ROOT).as_posix() not in files:
            old.unlink()
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
