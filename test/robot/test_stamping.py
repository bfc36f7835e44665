# SPDX-License-Identifier: Apache-2.0
"""What a contract says of stamps: by header or arrival, and how far a clock is off."""

from __future__ import annotations

import pytest

from pam_ros.robot import ContractError, parse_contract
from pam_ros.robot.explain import explain
from pam_ros.robot.sources import contract_sources, headless_sources, unstamped_sources
from pam_ros.robot.stamps import AS_STAMPED, Stamping

SECOND = 10**9


@pytest.fixture
def stamping(data):
    """The contract with a camera by arrival, a state that is behind and an environment."""
    data["cameras"][0]["stamp"] = "arrival"
    data["cameras"][1]["stamp_offset_s"] = 0.9
    data["state"]["stamp_offset_s"] = -7200
    data["environment"] = {"topic": "/goal", "stamp_offset_s": -0.02}
    return parse_contract(data, "file.yaml")


def times(contract, stamp_ns, arrival_ns):
    return {each.name: each.time_ns(stamp_ns, arrival_ns) for each in contract_sources(contract)}


def test_each_source_has_the_time_that_the_contract_says(stamping):
    assert times(stamping, 9000 * SECOND, 9001 * SECOND) == {
        "top": 9001 * SECOND,
        "wrist": 9000 * SECOND + 900_000_000,
        "joint_states": 1800 * SECOND,
        "environment": 9001 * SECOND - 20_000_000,
    }
    assert unstamped_sources(stamping) == {"top", "environment"}
    assert headless_sources(stamping) == {"environment"}


def test_an_offset_makes_no_time_of_a_stamp_of_0(stamping):
    found = times(stamping, 0, 9001 * SECOND)
    assert (found["wrist"], found["joint_states"]) == (0, 0)
    assert found["top"] == 9001 * SECOND


def test_without_a_word_the_header_counts(contract):
    assert set(times(contract, 5 * SECOND, 6 * SECOND).values()) == {5 * SECOND}
    assert all(source.stamping == AS_STAMPED for source in contract_sources(contract))


def test_as_stamped_forgets_all_of_it(stamping, data):
    for part in (*data["cameras"], data["state"], data["environment"]):
        part.pop("stamp", None)
        part.pop("stamp_offset_s", None)
    assert stamping.as_stamped() == parse_contract(data, "file.yaml")


def test_it_is_told_in_words(stamping):
    words = list(explain(stamping))
    assert "/top/image_raw is of the time when it arrives, whatever its header says" in words
    assert "/wrist/image_raw is of the time +0.9 s" in words


def shared_camera(data):
    data["cameras"].append(data["cameras"][0] | {"name": "left", "feature": "observation.image"})
    data["cameras"][0]["stamp"] = "arrival"


def shared_state(data):
    part = data["state"] | {"joints": [data["state"]["joints"][0]], "stamp_offset_s": 0.5}
    other = data["state"] | {"joints": [data["state"]["joints"][1]]}
    data["state"] = [part, other]


def header_of_an_array(data):
    data["environment"] = {"topic": "/goal", "stamp": "header"}


def no_such_stamp(data):
    data["cameras"][0]["stamp"] = "arival"


def no_number(data):
    data["state"]["stamp_offset_s"] = "late"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (shared_camera, "share /top/image_raw: give them the same stamp and stamp_offset_s"),
        (shared_state, "shares its topic with state[0]: give both the same stamp and"),
        (header_of_an_array, "environment.stamp is header; what comes on /goal has none"),
        (no_such_stamp, "cameras[0].stamp is 'arival'; it must be one of header, arrival; did"),
        (no_number, "state.stamp_offset_s is the text 'late'; it must be a finite number"),
    ],
)
def test_one_fault_is_one_sentence(data, spoil, sentence):
    spoil(data)
    with pytest.raises(ContractError) as caught:
        parse_contract(data, "file.yaml")
    (problem,) = caught.value.problems
    assert sentence in problem


def test_parts_of_one_topic_may_say_the_same(data):
    data["state"]["stamp"] = "arrival"
    parts = [data["state"] | {"joints": [joint]} for joint in data["state"]["joints"]]
    contract = parse_contract(data | {"state": parts}, "file.yaml")
    assert contract.state.stamping("/joint_states") == Stamping("arrival")
