# SPDX-License-Identifier: Apache-2.0
"""What a policy reads, by names that a person can type."""

import pytest
from linear_policy import LEFT, STATE, make_spec

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.inputs import chosen_inputs, inputs_of
from pam_ros.policy.interface import CameraSpec


def names(spec):
    return [one.name for one in inputs_of(spec)]


def test_each_input_has_a_short_name_and_cameras_also_one_together():
    assert names(make_spec()) == ["left", "right", "cameras", "state"]
    spec = make_spec(
        environment_feature="observation.environment_state", environment_dim=2, instruction=True
    )
    assert names(spec) == ["left", "right", "cameras", "state", "environment_state", "words"]


def test_a_single_camera_has_no_row_of_all_cameras():
    assert names(make_spec(cameras=(CameraSpec(LEFT, 4, 4),))) == ["left", "state"]


def test_a_camera_that_is_called_as_a_word_of_ours_keeps_its_full_name():
    camera = CameraSpec("observation.images.words", 4, 4)
    assert names(make_spec(cameras=(camera,), instruction=True)) == [
        "observation.images.words", "state", "words",
    ]  # fmt: skip


def test_inputs_are_chosen_by_either_name_and_once():
    chosen = chosen_inputs(make_spec(), ["state", LEFT, "left"])
    assert [one.name for one in chosen] == ["state", "left"]
    assert chosen[0].features == (STATE,)


def test_a_name_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(AblationError) as error:
        chosen_inputs(make_spec(), ["lefd"])
    assert str(error.value) == (
        "--inputs lefd: the policy reads left, right, cameras, state; did you mean left?"
    )


def test_a_policy_that_reads_nothing_is_told():
    with pytest.raises(AblationError, match="linear reads nothing"):
        inputs_of(make_spec(cameras=(), state_feature=None, state_dim=0))
