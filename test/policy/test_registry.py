# SPDX-License-Identifier: Apache-2.0
"""Loaders by a checkpoint's type: built in, of a package, and of packages that are broken."""

from __future__ import annotations

import json
import logging

import pytest
from plug_ins import write_package
from safetensors.torch import save_file

from pam_ros.policy import Policy, PolicyError, load_policy
from pam_ros.policy.registry import BUILT_IN, known_types

BUILT = tuple(sorted(point.name for point in BUILT_IN))

PLUG_IN = """
from types import SimpleNamespace

def load(checkpoint, options):
    member = lambda *_, **__: None
    names = ("step", "pop_action", "explain", "skip", "reset", "show")
    policy = SimpleNamespace(**dict.fromkeys(names, member), spec=None, engine=None)
    policy.given = (checkpoint, options)
    return policy

def fails(checkpoint, options):
    return checkpoint.config["no such field"]

def half(checkpoint, options):
    return SimpleNamespace(spec=None)

number = 5
"""


@pytest.fixture
def checkpoint(tmp_path):
    def write(kind):
        folder = tmp_path / f"checkpoint_{kind}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"type": kind, "size": 3}))
        save_file({}, folder / "model.safetensors")
        return folder

    return write


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts a package on the path that registers these loaders."""

    def install(name, loaders):
        folder = write_package(tmp_path / name, name, loaders)
        (folder / f"{name}_code.py").write_text(PLUG_IN)
        monkeypatch.syspath_prepend(folder)

    return install


def refusal(folder):
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu")
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_package_adds_a_type(installed, checkpoint):
    installed("plug_in", {"mine": "plug_in_code:load"})
    assert known_types() == tuple(sorted([*BUILT, "mine"]))
    policy = load_policy(checkpoint("mine"), device="cpu", n_action_steps=2, engine="eager")
    assert isinstance(policy, Policy)
    opened, options = policy.given
    assert (opened.kind, opened.config["size"]) == ("mine", 3)
    assert (options.device, options.n_action_steps, options.engine) == ("cpu", 2, "eager")


def test_an_unknown_type_is_told_with_the_known_ones(installed, checkpoint):
    assert known_types() == BUILT and "act" in BUILT
    installed("plug_in", {"mine": "plug_in_code:load"})
    sentence = refusal(checkpoint("theirs"))
    known = ", ".join(sorted([*BUILT, "mine"]))
    assert f"is a policy of type 'theirs': known are {known};" in sentence


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:load", "cannot be imported: ModuleNotFoundError: No module named"),
        ("plug_in_code:no_such_name", "cannot be imported: AttributeError: module"),
        ("plug_in_code:number", "is of type int: it must be a function"),
        ("plug_in_code:fails", "fails: KeyError: 'no such field'"),
        ("plug_in_code:half", "returns a SimpleNamespace, which lacks what a Policy has"),
    ],
)
def test_a_broken_plug_in_is_named_and_the_others_work(installed, checkpoint, value, reason):
    installed("plug_in", {"broken": value, "mine": "plug_in_code:load"})
    sentence = refusal(checkpoint("broken"))
    assert f"the loader {value} of package plug_in {reason}" in sentence
    assert isinstance(load_policy(checkpoint("mine"), device="cpu"), Policy)


def test_a_type_of_two_packages_is_refused(installed, checkpoint):
    installed("plug_in", {"mine": "plug_in_code:load", "other": "plug_in_code:load"})
    installed("second", {"mine": "second_code:load"})
    sentence = refusal(checkpoint("mine"))
    for words in ("plug_in_code:load of package plug_in", "second_code:load of package second"):
        assert words in sentence
    assert isinstance(load_policy(checkpoint("other"), device="cpu"), Policy)


def test_act_stays_built_in_and_says_who_else_wants_its_name(
    installed, reference_policy, tmp_path, caplog
):
    installed("plug_in", {"act": "plug_in_code:load"})
    folder = reference_policy().save(tmp_path / "act")
    with caplog.at_level(logging.WARNING):
        policy = load_policy(folder, device="cpu", engine="eager")
    assert policy.engine.name == "eager"
    assert "of package plug_in is not used: type 'act' is built in" in caplog.text
