# SPDX-License-Identifier: Apache-2.0
"""Layers hold: no room imports one that stands above it, no files a circle.

docs/design.md has the layers of pam_ros, rclpy_cyclone/README.md those of the runtime beside it.

All imports count, also those inside functions and for types alone, apart from what is listed here
with its reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = {"pam_ros": ROOT / "docs/design.md", "rclpy_cyclone": ROOT / "rclpy_cyclone/README.md"}
"""Where the layers of each package are."""
UPWARD = {
    # For types alone: what a selection is asked of and what it reads. Goes with the policy seam.
    ("pam_ros.attention.selection", "pam_ros.policy.interface"),
}
"""Imports that run up although they should not."""
IN_FUNCTIONS = {
    # Asked for the default context when a clock sleeps, as rclpy's does: contexts log by a clock.
    ("rclpy_cyclone.time.clock", "rclpy_cyclone.process.utilities"),
}
"""Imports inside functions that close a circle of files and may."""
CIRCLES_OF_TYPES = {
    # A contract checks its own units, by a function that is given a contract.
    frozenset(f"pam_ros.robot.{name}" for name in ("contract", "units", "units.check")),
    # A detector saves itself by its file's functions, which say in their types what they save.
    frozenset({"pam_ros.sae.ood.detector", "pam_ros.sae.ood.file"}),
    # A lifecycle node makes its publishers, each of which is told its node's state, as in rclpy.
    frozenset(
        f"rclpy_cyclone.lifecycle.{name}" for name in ("managed_entity", "node", "publisher")
    ),
    # The sparse pass computes for a model in training, and the model calls it.
    frozenset({"pam_ros.sae.train.sparse_pass", "pam_ros.sae.train.training_model"}),
}
"""Files that name each other in types alone; when they run, only one imports the other."""
RUNTIME_NEEDS = {
    "cv2", "cyclonedds", "numpy", "rclpy", "rosbags", "typing_extensions", "yaml",
}  # fmt: skip
"""What the runtime imports beside Python's own modules; of rclpy it asks if a real one is there."""


def _layers(package: str) -> list[list[str]]:
    """From the lowest layer up, the rooms of each, as the package's page lists them."""
    text = LISTED[package].read_text(encoding="utf-8")
    block = re.search(r"```text\n# layers[^\n]*\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [line.split() for line in reversed(block[1].strip().splitlines())]


def _modules() -> dict[str, Path]:
    found = {}
    for file in (file for package in LISTED for file in (ROOT / package).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = _modules()


def _from(node: ast.ImportFrom, file: Path) -> str:
    """The full name behind `from`; a dot is the file's own folder, each further one that above."""
    if not node.level:
        return node.module or ""
    folder = file.parents[node.level - 1].relative_to(ROOT).parts
    return ".".join([*folder, *([node.module] if node.module else [])])


def _imports(file: Path) -> set[tuple[str, bool]]:
    """The modules of both packages that a file imports, and whether for types alone."""
    found: set[tuple[str, bool]] = set()

    def look(node: ast.AST, for_types: bool) -> None:
        for child in ast.iter_child_nodes(node):
            only = for_types or (
                isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            )
            if isinstance(child, ast.Import):
                found.update((alias.name, only) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                source = _from(child, file)
                names = {f"{source}.{alias.name}" for alias in child.names}
                modules = names & set(MODULES) | ({source} if names - set(MODULES) else set())
                found.update((name, only) for name in modules)
            look(child, only)

    look(ast.parse(file.read_text(encoding="utf-8")), for_types=False)
    return {(name, only) for name, only in found if name in MODULES}


IMPORTS = {module: _imports(file) for module, file in MODULES.items()}


def _package(module: str) -> str:
    return module.partition(".")[0]


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Sets of modules each of which reaches all others (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        path.append(module)
        for other in graph[module]:
            if other not in number:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in path:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            start = path.index(module)
            if len(path) - start > 1:
                found.add(frozenset(path[start:]))
            del path[start:]

    for module in sorted(graph):
        if module not in number:
            visit(module)
    return found


def _graph(*, with_types: bool) -> dict[str, set[str]]:
    graph = defaultdict(set)
    for module, imports in IMPORTS.items():
        graph[module] = {
            name
            for name, only in imports
            if (with_types or not only) and (module, name) not in IN_FUNCTIONS
        }
    return graph


@pytest.mark.parametrize("package", LISTED)
def test_every_room_has_a_layer(package):
    rooms = {_room(module) for module in MODULES if _package(module) == package} - {""}
    named = [room for layer in _layers(package) for room in layer]
    assert len(named) == len(set(named))
    assert set(named) == rooms


@pytest.mark.parametrize("package", LISTED)
def test_no_import_runs_up_or_across_a_layer(package):
    height = {room: place for place, layer in enumerate(_layers(package)) for room in layer}
    up = {
        (module, name)
        for module, imports in IMPORTS.items()
        for name, _ in imports
        if _package(module) == _package(name) == package
        and _room(module) != _room(name)
        and _room(module) in height
        and height[_room(name)] >= height[_room(module)]
    }
    assert up == {pair for pair in UPWARD | IN_FUNCTIONS if _package(pair[0]) == package}


def test_the_package_asks_for_the_runtime_in_one_place():
    for module, imports in IMPORTS.items():
        if _package(module) == "pam_ros" and module != "pam_ros.cli":
            assert "rclpy_cyclone" not in {_package(name) for name, _ in imports}, module


def test_the_runtime_imports_only_what_its_users_install():
    """Nothing of pam_ros or of this repository's programs, in no function either."""
    known = sys.stdlib_module_names | {"rclpy_cyclone"} | RUNTIME_NEEDS
    for module, file in MODULES.items():
        if _package(module) != "rclpy_cyclone":
            continue
        text = file.read_text(encoding="utf-8")
        assert "pam_ros" not in text, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names = {_package(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {_package(_from(node, file))}
            else:
                continue
            assert names <= known, (module, names - known)


def test_no_files_import_each_other_in_a_circle():
    assert _circles(_graph(with_types=False)) == set()
    assert _circles(_graph(with_types=True)) == CIRCLES_OF_TYPES


def test_a_circle_would_be_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert _circles(graph) == {frozenset("abc")}
