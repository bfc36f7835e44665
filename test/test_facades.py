# SPDX-License-Identifier: Apache-2.0
"""What a room offers to a notebook can be imported from the room itself."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FACADES = ("attention", "bags", "policy", "robot", "sae")


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
    code = (
        "import sys, pam_ros.attention, pam_ros.bags, pam_ros.policy, pam_ros.robot, pam_ros.sae;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
