# SPDX-License-Identifier: Apache-2.0
"""What is timed does what its label says."""

import numpy as np
import pytest

from bench import capture, reference_rows
from bench.our_rows import Ours
from bench.ticks import normalised
from pam_ros.policy import wrap

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def eager(subject):
    return wrap(subject.policy, subject.preprocessor, subject.postprocessor, engine="eager")


def test_ours_and_lerobots_plain_pass_compute_the_same_chunk(subject, eager):
    plain = reference_rows.plain_forward(subject).run()
    ours = eager.forward(normalised(eager, subject))
    assert plain.shape == ours.normalised.shape
    assert np.abs(plain.numpy() - ours.normalised).max() < 1e-5


def test_from_images_lerobot_and_ours_give_the_same_action(subject, eager):
    theirs = reference_rows.select_action(subject).run()
    ours = eager.step(subject.observation).action
    # Un-normalised: half the unit in which actions are compared.
    assert np.abs(theirs[0] - ours).max() < 1e-5


def test_the_step_without_weights_gives_the_same_actions_and_no_weights(subject, eager):
    blind = wrap(subject.policy, subject.preprocessor, subject.postprocessor, engine="eager")
    capture.without_weights(blind)
    seen, unseen = eager.step(subject.observation), blind.step(subject.observation)
    assert np.abs(seen.chunk - unseen.chunk).max() < 1e-5
    assert seen.attention.size > 0
    assert unseen.attention.size == 0


def test_an_engine_that_cannot_run_here_says_why_in_its_row(subject):
    ours = Ours(subject, [("eager", "float32"), ("abacus", "float32")])
    ran, missing = ours.rows("tick")
    assert ran.run is not None
    ran.run()
    assert missing.run is None
    assert "abacus" in missing.missing
    assert [fact["engine"] for fact in ours.facts()] == ["eager"]


def test_a_library_that_is_not_installed_is_named(subject, monkeypatch, tmp_path):
    monkeypatch.setattr(reference_rows, "LIBRARIES", tmp_path)
    monkeypatch.setattr(reference_rows.importlib.util, "find_spec", lambda _: None)
    for make in (
        reference_rows.library_tick,
        reference_rows.library_from_images,
        reference_rows.library_drawing,
    ):
        row = make(subject)
        assert row.run is None
        assert "physical-ai-interpretability is not installed" in row.missing
