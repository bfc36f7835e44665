# SPDX-License-Identifier: Apache-2.0
"""int8: made from a policy's own observations, found again, and never used where it is wrong."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_checks import TOP, WRIST, needs_openvino, wrapped

from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.engines import quantise as quantise_module
from pam_ros.policy.engines.int8_form import Int8Form, form_path, key_of, read_form, write_form
from pam_ros.policy.engines.names import CHUNK_LIMIT
from pam_ros.policy.engines.openvino import traced
from pam_ros.policy.engines.openvino_package import import_openvino
from pam_ros.policy.engines.quantise import FEWEST, quantise
from pam_ros.policy.engines.workshop import EngineFactory

needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="nncf is not installed"
)
CAMERAS = {TOP: (64, 64), WRIST: (32, 40)}


@pytest.fixture
def checkpoint(reference_policy, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    reference = reference_policy(cameras=CAMERAS, n_encoder_layers=1)
    return reference, reference.save(tmp_path / "act")


@pytest.fixture
def strangers(reference_policy):
    """The form of a policy of the same sizes and other weights."""
    reference = reference_policy(cameras=CAMERAS, n_encoder_layers=1, seed=1)
    return plain_form(wrapped(reference, "eager"), [])


def observations(reference, count):
    rng = np.random.default_rng(0)
    return [reference.observation(rng) for _ in range(count)]


def plain_form(policy, checks):
    """A form of which nothing is quantised: what is around it needs no NNCF."""
    workshop = EngineFactory(policy.model, policy.spec)
    openvino = import_openvino()
    model = traced(openvino, workshop.plain("float32"), workshop.example())
    xml, weights = quantise_module._saved(openvino, model)
    prepared = tuple(policy.prepare([check]) for check in checks)
    return Int8Form(key_of(workshop), "a test", 3, xml, weights, prepared)


@pytest.fixture
def planted(checkpoint):
    """A checkpoint whose form is in place, the form's path, and the form."""
    reference, saved = checkpoint
    policy = load_policy(saved, device="cpu", engine="eager")
    form = plain_form(policy, observations(reference, 2))
    write_form(form_path(form.key), form)
    return saved, form_path(form.key), form


@needs_openvino
@needs_nncf
@pytest.mark.slow
def test_int8_is_made_without_labels_found_again_and_near_float32(checkpoint):
    reference, saved = checkpoint
    policy = load_policy(saved, device="cpu", engine="eager")
    before = {path.name for path in saved.iterdir()}
    done = quantise(policy, observations(reference, FEWEST), "a test")
    assert {path.name for path in saved.iterdir()} == before
    assert 0 < done.chunk_error <= CHUNK_LIMIT
    ours = load_policy(saved, device="cpu", dtype="int8")
    assert (ours.engine.name, ours.engine.dtype) == ("openvino", "int8")
    assert "alone computes in int8" in ours.engine.reason
    assert ours._engine.from_cache  # compiled when it was made
    unseen = reference.observation(np.random.default_rng(9))
    error = ours.precision_error(unseen)
    assert 0 < error.chunk <= CHUNK_LIMIT
    assert 0 < error.attention < 0.1
    output = ours.explain(unseen)
    np.testing.assert_allclose(output.attention.sum(-1), 1, atol=1e-2)
    exact = policy.explain(unseen).attention.mean((0, 1, 2))
    assert np.corrcoef(output.attention.mean((0, 1, 2)), exact)[0, 1] > 0.95
    form = read_form(done.path, saved.name, done.path.stem)
    model = import_openvino().Core().read_model(form.xml, form.weights)
    reads = {"Convolution": set(), "MatMul": set()}
    for operation in model.get_ops():
        if operation.get_type_name() in reads:
            source = operation.input(0).get_source_output().get_node().get_type_name()
            reads[operation.get_type_name()].add(source)
    assert reads["Convolution"] == {"FakeQuantize", "MaxPool"}  # the pool after the stem keeps it
    assert "FakeQuantize" not in reads["MatMul"]  # convolutions alone


@needs_openvino
def test_a_form_is_read_as_it_was_written(planted):
    _, path, form = planted
    again = read_form(path, "act", form.key)
    assert (again.source, again.observations) == ("a test", 3)
    assert (again.xml, again.weights) == (form.xml, form.weights)
    for ours, theirs in zip(again.checks, form.checks, strict=True):
        for one, other in zip(ours.images, theirs.images, strict=True):
            assert one.equal(other)
        assert ours.state.equal(theirs.state)
        assert ours.environment is None


@needs_openvino
def test_a_policy_in_int8_runs_its_form(planted):
    policy = load_policy(planted[0], device="cpu", engine="openvino", dtype="int8")
    assert (policy.engine.dtype, policy.engine.reason) == ("int8", "asked for")
    assert policy.engine.could == ()
    assert not policy._engine.from_cache
    assert load_policy(planted[0], device="cpu", dtype="int8")._engine.from_cache


@needs_openvino
def test_other_weights_have_no_form_of_this_policys(planted, reference_policy, tmp_path):
    other = reference_policy(cameras=CAMERAS, n_encoder_layers=1, seed=1).save(tmp_path / "other")
    with pytest.raises(PolicyError, match=r"other has no int8 form .*pam_ros quantise --policy"):
        load_policy(other, device="cpu", dtype="int8")
    form = planted[2]
    key = key_of(_workshop(other))
    write_form(form_path(key), form)
    with pytest.raises(PolicyError, match=r"is the int8 form of another policy than .*other"):
        load_policy(other, device="cpu", dtype="int8")


def _workshop(saved):
    policy = load_policy(saved, device="cpu", engine="eager")
    return EngineFactory(policy.model, policy.spec)


@needs_openvino
def test_what_is_done_with_a_chunk_needs_no_form_of_its_own(planted):
    policy = load_policy(planted[0], device="cpu", dtype="int8", n_action_steps=2)
    assert policy.engine.dtype == "int8"


def _cut(data):
    return data[: len(data) // 2]


def _flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@needs_openvino
@pytest.mark.parametrize("spoil", [_cut, _flipped, lambda _: b"", lambda _: b"no archive"])
def test_a_damaged_form_is_refused_with_the_cure(planted, spoil):
    saved, path, _ = planted
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(PolicyError, match=r"is damaged .*pam_ros quantise --policy .* anew"):
        load_policy(saved, device="cpu", dtype="int8")


@needs_openvino
def test_a_form_too_far_from_float32_moves_no_robot(planted, strangers):
    saved, path, form = planted
    write_form(path, replace(form, weights=strangers.weights))
    with pytest.raises(PolicyError, match=r"'openvino' in int8 (is off by|differs from)"):
        load_policy(saved, device="cpu", dtype="int8")


@needs_openvino
def test_a_form_that_openvino_does_not_take_is_told(planted):
    saved, path, form = planted
    write_form(path, replace(form, xml=b"<net/>"))
    with pytest.raises(PolicyError, match="engine 'openvino' cannot be used here: "):
        load_policy(saved, device="cpu", dtype="int8")


@pytest.mark.parametrize("engine", ["eager", "compile"])
def test_an_engine_without_int8_names_the_one_that_has_it(saved, engine):
    with pytest.raises(PolicyError, match=f"'{engine}' does not compute in int8: .* openvino"):
        load_policy(saved, device="cpu", engine=engine, dtype="int8")


def without(monkeypatch, missing):
    real = importlib.import_module

    def import_module(name, *args):
        if name == missing:
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_int8_without_openvino_names_the_package(saved, monkeypatch):
    without(monkeypatch, "openvino")
    with pytest.raises(PolicyError, match=r"needs the package openvino: .*pam_ros\[openvino\]"):
        load_policy(saved, device="cpu", dtype="int8")


@needs_openvino
def test_quantising_without_nncf_names_the_package(checkpoint, monkeypatch):
    without(monkeypatch, "nncf")
    policy = load_policy(checkpoint[1], device="cpu", engine="eager")
    with pytest.raises(PolicyError, match=r"needs the package nncf: .*pam_ros\[int8\]"):
        quantise(policy, observations(checkpoint[0], FEWEST), "a test")


def test_a_module_that_is_not_covered_has_no_int8_and_says_why(reference_policy):
    reference = reference_policy(cameras=CAMERAS)
    policy = wrapped(reference, "eager")
    policy.model.decoder.norm = torch.nn.Softmax(-1)
    with pytest.raises(
        PolicyError, match="cannot be quantised: the norm of ACTDecoder is a Softmax"
    ):
        quantise(policy, [], "a test")
    reference.policy.model.decoder.norm = torch.nn.Softmax(-1)
    with pytest.raises(
        PolicyError, match="cannot run in int8: the norm of ACTDecoder is a Softmax"
    ):
        wrapped(reference, "auto", "int8")


def test_what_cannot_be_quantised_is_told(reference_policy):
    blind = wrapped(reference_policy(cameras={}, environment_dim=2), "eager")
    with pytest.raises(PolicyError, match="cannot be quantised: it reads no camera"):
        quantise(blind, [], "a test")


@needs_openvino
def test_too_few_observations_are_refused(checkpoint, monkeypatch):
    monkeypatch.setattr(quantise_module, "import_nncf", lambda: None)
    policy = load_policy(checkpoint[1], device="cpu", engine="eager")
    with pytest.raises(PolicyError, match="15 observations of a test are too few: at least 16"):
        quantise(policy, observations(checkpoint[0], 15), "a test")


@needs_openvino
def test_what_is_too_coarse_in_int8_is_not_written(checkpoint, strangers, monkeypatch):
    monkeypatch.setattr(quantise_module, "import_nncf", lambda: None)
    policy = load_policy(checkpoint[1], device="cpu", engine="eager")
    monkeypatch.setattr(quantise_module, "_model", lambda *_: (strangers.xml, strangers.weights))
    with pytest.raises(PolicyError, match=r"is off by .* so it has no int8 form: .*bfloat16"):
        quantise(policy, observations(checkpoint[0], FEWEST), "a test")
    assert not form_path(key_of(_workshop(checkpoint[1]))).exists()


@needs_openvino
def test_a_copy_in_the_same_folder_of_another_machine_serves_there(planted, tmp_path, monkeypatch):
    saved, path, _ = planted
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "robot"))
    with pytest.raises(PolicyError, match="has no int8 form"):
        load_policy(saved, device="cpu", dtype="int8")
    there = tmp_path / "robot" / "pam_ros" / "int8"
    there.mkdir(parents=True)
    shutil.copy(path, there)
    shutil.move(saved, tmp_path / "moved")
    assert load_policy(tmp_path / "moved", device="cpu", dtype="int8").engine.dtype == "int8"


REPORTS_NOTHING = """
import sys
from pam_ros.policy.engines.openvino_package import import_openvino
import_openvino()
from openvino.tools.ovc import telemetry
print(sys.modules["openvino_telemetry"], type(telemetry).__module__)
"""


@needs_openvino
def test_openvino_reports_its_use_to_nobody():
    done = subprocess.run(
        [sys.executable, "-c", REPORTS_NOTHING],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.stdout == "None openvino.tools.ovc.telemetry_stub\n", done.stderr
