# SPDX-License-Identifier: Apache-2.0
"""The OpenVINO engine: its blob on disk, its precision."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from engine_checks import (
    assert_lerobots,
    needs_openvino,
    wrapped,
)

from pam_ros.policy import PolicyError, load_policy


@needs_openvino
def test_openvinos_blob_is_found_again_and_replaced_when_damaged(
    reference_policy, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    reference = reference_policy(cameras={}, environment_dim=2, n_encoder_layers=1)
    saved = reference.save(tmp_path / "act")
    observation = reference.observation(np.random.default_rng(0))
    first = load_policy(saved, device="cpu", engine="openvino")
    assert not first._engine.from_cache
    (blob,) = (tmp_path / "pam_ros" / "openvino").iterdir()
    again = load_policy(saved, device="cpu", engine="openvino")
    assert again._engine.from_cache
    np.testing.assert_array_equal(first.step(observation).chunk, again.step(observation).chunk)
    load_policy(saved, device="cpu", engine="openvino", dtype="bfloat16")
    assert len(list(blob.parent.iterdir())) == 2  # another precision, another blob
    size = blob.stat().st_size
    blob.write_bytes(b"no blob")
    with caplog.at_level(logging.WARNING, logger="pam_ros"):
        anew = load_policy(saved, device="cpu", engine="openvino")
    assert "is compiled anew" in caplog.text
    assert not anew._engine.from_cache
    np.testing.assert_array_equal(anew.step(observation).chunk, first.explain(observation).chunk)
    assert blob.stat().st_size == pytest.approx(size, rel=0.01)


def test_openvino_that_is_not_installed_is_named(saved, monkeypatch):
    real = importlib.import_module

    def without(name, *args):
        if name == "openvino":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(PolicyError, match=r"needs the package openvino: .*pam_ros\[openvino\]"):
        load_policy(saved, device="cpu", engine="openvino")


@needs_openvino
@pytest.mark.parametrize("key", ["their own", "the same"])
def test_a_blob_of_other_heads_with_the_same_weights_is_never_used(
    reference_policy, tmp_path, monkeypatch, caplog, key
):
    """The weights' bytes and the inputs are alike; the configuration alone tells them apart."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if key == "the same":  # as if the key had left something out
        monkeypatch.setattr("pam_ros.policy.engines.openvino_model._key", lambda *_: "key")
    options = {"cameras": {}, "environment_dim": 2, "n_encoder_layers": 1}
    references = [reference_policy(n_heads=heads, **options) for heads in (4, 8)]
    observation = references[0].observation(np.random.default_rng(0))
    policies = []
    for index, reference in enumerate(references):
        with caplog.at_level(logging.WARNING, logger="pam_ros"):
            policy = load_policy(
                reference.save(tmp_path / str(index)), device="cpu", engine="openvino"
            )
        policies.append(policy)
        assert not policy._engine.from_cache
        assert policy.explain(observation).attention.shape[1] == reference.policy.config.n_heads
        assert_lerobots(policy, reference, observation)
    assert policies[0].spec.sha256 == policies[1].spec.sha256
    assert ("compiled anew" in caplog.text) == (key == "the same")
    again = load_policy(tmp_path / "1", device="cpu", engine="openvino", n_action_steps=2)
    assert again._engine.from_cache  # what is done with the chunk is no part of the pass


@needs_openvino
def test_openvino_reports_the_precision_that_really_runs(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)
    # As on a CPU without bfloat16, where OpenVINO computes in float32 whatever the hint.
    monkeypatch.setattr(
        "pam_ros.policy.engines.openvino._PRECISIONS", {"float32": "f32", "bfloat16": "f32"}
    )
    report = wrapped(reference, "openvino", "bfloat16").engine
    assert report.dtype == "float32"
    assert "no bfloat16" in report.reason


SIGNAL_AFTER_ENGINES = """
import gc, os, signal, sys
from pam_ros.policy import load_policy

policies = [load_policy(sys.argv[1], device="cpu", engine="openvino") for _ in range(2)]
while policies:
    del policies[0]
    gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("handled", flush=True))
os.kill(os.getpid(), signal.SIGINT)
"""


@needs_openvino
def test_a_signal_is_handled_after_engines_have_come_and_gone(reference_policy, tmp_path):
    """On CPUs with AMX OpenVINO left the main thread a signal stack that was unmapped."""
    reference = reference_policy(cameras={}, environment_dim=2, n_encoder_layers=1)
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AFTER_ENGINES, str(reference.save(tmp_path / "act"))],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
