# SPDX-License-Identifier: Apache-2.0
"""Recorded names and the policy's."""

import pytest

from pam_ros.observations.errors import SourceError
from pam_ros.observations.names import match_features, renamed, short_names, vector_names
from pam_ros.robot import ContractError, load_contract

TOP, SIDE, STATE = "observation.images.top", "observation.images.side", "observation.state"


def test_a_feature_has_its_own_name_unless_it_is_renamed():
    have = {TOP, SIDE, STATE, "action"}
    assert match_features([TOP, STATE], have, {}, "it") == {TOP: TOP, STATE: STATE}
    assert match_features([TOP, STATE], have, {SIDE: TOP}, "it") == {TOP: SIDE, STATE: STATE}
    # Two that change places.
    assert match_features([TOP, SIDE], have, {SIDE: TOP, TOP: SIDE}, "it") == {TOP: SIDE, SIDE: TOP}


@pytest.mark.parametrize(
    ("wanted", "rename", "said"),
    [
        ([TOP, "observation.images.cam_side"], {}, f"--rename {SIDE}=observation.images.cam_side"),
        ([TOP], {"observation.images.no": TOP}, "it has no observation.images.no: it has action,"),
        ([TOP], {SIDE: "observation.images.no"}, f"reads no observation.images.no: it reads {TOP}"),
        # What is given away is no longer there.
        ([TOP, SIDE], {SIDE: TOP}, f"it lacks {SIDE}"),
    ],
)
def test_what_does_not_match_is_said_with_what_there_is(wanted, rename, said):
    with pytest.raises(SourceError) as error:
        match_features(wanted, {TOP, SIDE, STATE, "action"}, rename, "it")
    assert said in str(error.value)


def test_a_contracts_features_are_renamed_in_the_same_way(contract, policy):
    loaded = load_contract(contract)
    theirs = renamed(loaded, ["a", "b", STATE], {TOP: "a", SIDE: "b"})
    assert [camera.feature for camera in theirs.cameras] == ["a", "b"]
    with pytest.raises(ContractError, match=r"the policy needs observation\.images\.top"):
        theirs.bind(policy.spec)
    back = renamed(theirs, policy.spec.features, {"a": TOP, "b": SIDE})
    assert back.bind(policy.spec) == loaded.bind(policy.spec)


def test_short_names_are_of_their_own():
    def short(*names):
        return short_names([f"observation.images.{name}" for name in names])

    assert short("top", "wrist") == ["top", "wrist"]
    assert short("right", "wrist.right") == ["right", "wrist_right"]
    assert short("left.wrist", "right.wrist", "top") == ["left_wrist", "right_wrist", "top"]
    assert short("top") == ["top"]
    assert short_names([]) == []
    assert short_names(["observation.image", "observation.images.image"]) == [
        "image", "images_image",
    ]  # fmt: skip


def test_names_of_a_vector_in_all_forms():
    assert vector_names(["pan", "lift"]) == ["pan", "lift"]
    assert vector_names({"motors": ["pan", "lift"]}) == ["pan", "lift"]
    assert vector_names({"left": ["a"], "right": ["b"]}) == ["a", "b"]
    assert vector_names({"c": 2, "a": 0, "b": 1}) == ["a", "b", "c"]
    assert vector_names([["a", "b"]]) == ["a", "b"]
    assert vector_names({"motors": None}) == vector_names(None) == vector_names([]) == []
