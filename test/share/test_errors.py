# SPDX-License-Identifier: Apache-2.0
"""Every exception of the package has one base."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pam_ros.share.errors import NotFoundError, PamRosError, ReceivedError
from pam_ros.share.folders import find_contract

PACKAGE = Path(__file__).parents[2] / "pam_ros"
OURS = {"PamRosError", "ReceivedError", "NotFoundError", "PolicyError"}


def _exceptions() -> list[tuple[str, set[str]]]:
    found: list[tuple[str, set[str]]] = []
    for file in PACKAGE.rglob("*.py"):
        found += [
            (node.name, {ast.unparse(base) for base in node.bases})
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.bases
        ]
    return found


def test_every_exception_is_a_pam_ros_error():
    classes = [entry for entry in _exceptions() if entry[0] != "PamRosError"]
    assert len(classes) >= 18
    assert [name for name, bases in classes if not bases & OURS] == []


def test_what_came_from_outside_is_told_apart():
    from pam_ros.robot import MessageError
    from pam_ros.robot.takeover import TakeoverError
    from pam_ros.tick.sae_features import TokenError

    for each in (MessageError, TakeoverError, TokenError):
        assert issubclass(each, ReceivedError)


def test_a_missing_file_is_also_a_file_not_found():
    with pytest.raises(NotFoundError) as caught:
        find_contract("nowhere")
    assert isinstance(caught.value, PamRosError)
    assert isinstance(caught.value, FileNotFoundError)
    assert str(caught.value).startswith("contract 'nowhere' is neither")
