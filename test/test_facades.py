# SPDX-License-Identifier: Apache-2.0
"""What a room offers to a notebook can be imported from the room itself."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FACADES = ("attention", "bags", "observations", "policy", "robot", "sae")


@pytest.mark.parametrize("room", FACADES)
def test_every_public_name_is_there(room):
    module = importlib.import_module(f"pam_ros.{room}")
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("room", ["attention", "policy", "sae"])
def test_another_name_is_not(room):
    module = importlib.import_module(f"pam_ros.{room}")
    with pytest.raises(AttributeError, match=f"module 'pam_ros.{room}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_the_names_are_those_of_their_files():
    from pam_ros.attention import Overlay, make_scale
    from pam_ros.attention.overlay import Overlay as Same
    from pam_ros.sae import SAE, load_sae
    from pam_ros.sae.arch.model import SAE as SAME_SAE
    from pam_ros.sae.disk import load_sae as same_load

    assert Overlay is Same
    assert SAE is SAME_SAE
    assert load_sae is same_load
    assert make_scale.__module__ == "pam_ros.attention.scale"


def test_importing_a_room_costs_no_torch():
    rooms = ", ".join(f"pam_ros.{room}" for room in FACADES)
    code = f"import sys, pam_ros, {rooms}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_package_says_what_there_is():
    import pam_ros
    from pam_ros.policy import load_policy, look

    version = re.search(r"<version>(.+?)</version>", (ROOT / "package.xml").read_text())
    assert pam_ros.__version__ == version[1]
    assert "policy.look(" in pam_ros.__doc__
    assert {*FACADES, "load_policy", "look", "wrap"} <= set(dir(pam_ros))
    assert pam_ros.load_policy is load_policy
    assert pam_ros.look is look
    with pytest.raises(AttributeError, match="module 'pam_ros' has no attribute 'nothing'"):
        pam_ros.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_else_of_it():
    """Each import of a message runs its __init__.py."""
    code = (
        "import sys; before = set(sys.modules); import pam_ros;"
        "print(sorted(set(sys.modules) - before - {'__future__'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "['pam_ros']"
