# SPDX-License-Identifier: Apache-2.0
"""Contracts: what is accepted, and that every problem is listed at once."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pam_ros.policy.interface import FeatureStatistics
from pam_ros.robot import COMMAND_TYPES, ContractError, load_contract, parse_contract
from pam_ros.robot.contract import Crop, Size
from pam_ros.robot.explain import explain
from pam_ros.robot.section import parse_yaml

ROBOTS = Path(__file__).parents[2] / "config" / "robots"


def problems_of(data) -> tuple[str, ...]:
    with pytest.raises(ContractError) as caught:
        parse_contract(data, "file.yaml")
    return caught.value.problems


def test_a_correct_contract_says_what_it_means(contract):
    assert [camera.name for camera in contract.cameras] == ["top", "wrist"]
    assert contract.cameras[1].crop == Crop(x=2, y=1, width=8, height=6)
    assert contract.period_s == pytest.approx(0.1)
    assert contract.trigger is None
    assert contract.state.feature == "observation.state"
    assert [joint.name for joint in contract.command.joints] == ["shoulder", "gripper"]
    assert [joint.max_velocity for joint in contract.command.joints] == [2.0, 2.0]
    assert [part.type in COMMAND_TYPES for part in contract.command.parts] == [True]


def test_a_contract_cannot_be_changed_by_accident(contract):
    with pytest.raises(FrozenInstanceError):
        contract.rate_hz = 100.0


@pytest.mark.parametrize("name", ["so101_degrees", "so101_normalized", "demo_arm"])
def test_the_shipped_contracts_are_valid_and_commented(name):
    path = ROBOTS / f"{name}.yaml"
    contract = load_contract(path)
    assert contract.robot == name.removesuffix("_degrees").removesuffix("_normalized")
    joints = ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper"]
    assert [joint.name for joint in contract.state.joints] == joints
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum("#" in line for line in lines) > 5


def test_every_problem_is_listed_at_once(data):
    data["rate_hz"] = -3
    data["cameras"][0]["nmae"] = "top"
    data["cameras"][1]["feature"] = "observation.images.top"
    data["state"]["joints"][0]["limits"] = [1.0, -1.0]
    data["command"]["type"] = "sensor_msgs/msg/JointStates"
    del data["command"]["topic"]
    problems = problems_of(data)
    assert len(problems) == 6
    text = "\n".join(problems)
    assert "rate_hz is -3; it must be above 0" in text
    assert "cameras[0].nmae is not known; did you mean 'name'?" in text
    assert "feature 'observation.images.top' is given twice" in text
    assert "state.joints[0].limits is [1, -1]; the lower end must come first" in text
    assert "did you mean 'sensor_msgs/msg/JointState'?" in text
    assert "command.topic is missing" in text


def test_the_error_names_the_file_and_counts(data):
    del data["robot"]
    with pytest.raises(
        ContractError, match=r"contract file\.yaml has 1 problem:\n  - robot is missing"
    ):
        parse_contract(data, "file.yaml")


def change(path: str, value):
    """Sets a dotted path such as cameras.0.name; None removes it."""

    def apply(data):
        *parents, last = path.split(".")
        for part in parents:
            data = data[int(part)] if part.isdigit() else data[part]
        if value is None:
            del data[last]
        else:
            data[last] = value

    return apply


WRONG = [
    ("cameras.0.name", "Top Camera", "becomes part of a topic"),
    ("cameras.0.name", "wrist", "name 'wrist' is given twice"),
    (
        "cameras.0.topic",
        "/wrist/image_raw",
        "cameras 'top' and 'wrist' share /wrist/image_raw: give them the same encoding",
    ),
    ("cameras.0.topic", "top image", "no ROS 2 topic name"),
    ("cameras.0.topic", "/3d/image", "no ROS 2 topic name"),
    ("cameras.0.type", "sensor_msgs/Image", "did you mean 'sensor_msgs/msg/Image'?"),
    ("cameras.0.feature", "images.top", "must start with observation.images."),
    ("cameras.0.encoding", "rgb", "must be one of rgb8"),
    ("cameras.0.crop", {"x": 0, "y": 0, "width": 0, "height": 4}, "cameras[0].crop.width is 0"),
    ("cameras.0.crop", {"x": 0.5, "y": 0, "width": 4, "height": 4}, "must be a whole number"),
    ("cameras.0.resize", "plicy", "or the word policy"),
    ("cameras.0.resize", {"height": 4}, "cameras[0].resize.width is missing"),
    ("cameras", [], "at least one entry"),
    ("cameras", "top", "is the text 'top'; it must be a list"),
    ("state.unit", "radians", "must be one of rad, deg, percent"),
    ("state.joints.0.scale", 0, "scale is 0"),
    ("state.joints.0.limits", [-110, 110], "look like degrees"),
    ("state.joints.0.limits", [1.0], "must be [lower, upper]"),
    ("state.joints.0.limits", None, "joint 'shoulder' is commanded without limits"),
    ("state.joints.1.range", None, "joint 'gripper' is in percent without a range"),
    ("state.joints.1.name", "shoulder", "joint 'shoulder' is given twice"),
    ("command.max_velocity", None, "commanded without a speed"),
    ("command.max_velocity", 0, "command.max_velocity is 0"),
    ("command.topic", "/joint_states", "commands need their own"),
    ("command.limit_margin", 1.5, "at most 1"),
    ("trigger", "topp", "no camera of this file (top, wrist); did you mean 'top'?"),
    ("sync_tolerance_s", 0.6, "larger than max_age_s"),
    ("max_age_s", True, "is true (a switch); it must be a finite number"),
    ("units_confirmed", "yes", "is the text 'yes'; it must be true or false"),
    ("units_confirmed", 1, "is the number 1; it must be true or false"),
    ("rate_hz", float("nan"), "must be a finite number"),
    ("rate_hz", "fast", "is the text 'fast'; it must be a finite number"),
    ("ratehz", 10, "ratehz is not known; did you mean 'rate_hz'?"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_one_mistake_is_one_problem_with_its_place(data, path, value, sentence):
    change(path, value)(data)
    problems = problems_of(data)
    assert sentence in problems[0]
    assert len(set(problems)) == len(problems)
    # A joint without limits or speed is named once per joint; everything else once.
    assert len(problems) == (2 if "speed" in sentence else 1)


@pytest.mark.parametrize("content", [None, [], "text", 3, {}])
def test_a_file_that_is_no_mapping_says_what_is_needed(content):
    problems = problems_of(content)
    assert "mapping" in problems[0] or "empty" in problems[0]


def test_compressed_cameras_take_no_encoding(data):
    data["cameras"][0]["type"] = "sensor_msgs/msg/CompressedImage"
    assert "says nothing about a CompressedImage" in problems_of(data)[0]


def test_command_joints_default_to_the_states_and_borrow_from_them(data):
    data["command"]["joints"] = ["gripper", {"name": "shoulder", "limits": [-0.5, 0.5]}]
    command = parse_contract(data, "file.yaml").command
    assert [joint.name for joint in command.joints] == ["gripper", "shoulder"]
    assert command.joints[0].range == (0.0, 2.0)
    assert command.joints[0].unit == "percent"
    assert command.joints[1].limits == (-0.5, 0.5)


def test_an_exponent_without_a_point_is_a_number(data, tmp_path):
    # YAML 1.1 reads 5e-2 as a text.
    text = yaml.safe_dump(data).replace("sync_tolerance_s: 0.05", "sync_tolerance_s: 5e-2")
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_contract(path).sync_tolerance_s == pytest.approx(0.05)


def test_a_key_given_twice_is_an_error_with_its_line():
    with pytest.raises(ContractError, match=r"file\.yaml, line 2: .*'robot' is given twice"):
        parse_yaml("robot: a\nrobot: b\n", "file.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: [1, 2", "line 1: not valid YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"? [a]\n: b", "not valid YAML"),
        (b"!!python/object/apply:os.system ['true']", "not valid YAML"),
        (b"[" * 1200, "not valid YAML"),
        (b"#" * 1_000_001, "larger than a megabyte"),
    ],
)
def test_an_unreadable_file_is_one_clear_error(tmp_path, content, sentence):
    path = tmp_path / "contract.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=sentence):
        load_contract(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ContractError, match=r"nowhere\.yaml does not exist"):
        load_contract(tmp_path / "nowhere.yaml")
    with pytest.raises(ContractError, match="cannot be read"):
        load_contract(tmp_path)


def test_a_fitting_policy_has_no_problems_and_binds_sizes_in_its_order(contract, spec):
    assert contract.check(spec) == []
    bound = contract.bind(spec)
    assert [camera.name for camera in bound.cameras] == ["wrist", "top"]
    assert bound.cameras[0].target == Size(3, 4)
    assert bound.cameras[1].policy_size == Size(6, 8)
    assert bound.cameras[1].target is None


def test_every_disagreement_with_a_policy_is_listed(data, spec):
    data["cameras"][0]["resize"] = {"height": 5, "width": 5}
    data["cameras"][1]["feature"] = "observation.images.front"
    contract = parse_contract(data, "file.yaml")
    other = replace(
        spec,
        state_dim=6,
        action_dim=7,
        environment_feature="observation.environment_state",
        environment_dim=3,
    )
    problems = contract.check(other)
    text = "\n".join(problems)
    assert len(problems) == 6
    assert "needs observation.images.wrist (3x4 (height x width)); no camera" in text
    assert "camera 'wrist' feeds observation.images.front, which the policy does not have" in text
    assert "camera 'top' comes out of crop and resize as 5x5" in text
    assert "state.joints names 2 joints; the policy's observation.state has 6 dimensions" in text
    assert "command.joints names 2 joints; the policy's action has 7 dimensions" in text
    assert "add an environment section" in text
    with pytest.raises(ContractError, match="does not fit policy 'act'") as caught:
        contract.bind(other)
    assert list(caught.value.problems) == problems


def test_units_that_the_data_contradict_are_doubts_and_no_disagreement(data, spec):
    trained = FeatureStatistics(min=(-50.0, 0.0), max=(-20.0, 100.0))
    spec = replace(spec, statistics={"observation.state": trained})
    (doubt,) = parse_contract(data, "file.yaml").bind(spec).unit_doubts
    assert "observation.state of 'shoulder': the contract says rad" in doubt
    data["state"]["joints"][0]["unit"] = "deg"
    assert parse_contract(data, "file.yaml").bind(spec).unit_doubts == ()


def test_units_are_confirmed_if_the_file_says_so(data):
    assert not parse_contract(data, "file.yaml").units_confirmed
    data["units_confirmed"] = True
    assert parse_contract(data, "file.yaml").units_confirmed


def test_an_instruction_is_told_if_the_file_has_one(data):
    assert parse_contract(data, "file.yaml").instruction == ""
    data["instruction"] = "pick up the red cube"
    contract = parse_contract(data, "file.yaml")
    assert contract.instruction == "pick up the red cube"
    assert any("'pick up the red cube'" in line for line in explain(contract))
    data["instruction"] = ["pick", "up"]
    (problem,) = problems_of(data)
    assert "instruction is a list" in problem and "it must be a text" in problem


def test_a_crop_of_the_wrong_size_needs_a_resize(data, spec):
    data["cameras"][1]["resize"] = None
    problems = parse_contract(data, "file.yaml").check(spec)
    assert len(problems) == 1
    assert "camera 'wrist' comes out of crop and resize as 6x8" in problems[0]
    assert "the policy wants 3x4 (height x width): write 'resize: policy'" in problems[0]


def test_state_and_environment_that_the_policy_lacks_are_named(data, spec):
    data["environment"] = {"topic": "/environment"}
    contract = parse_contract(data, "file.yaml")
    blind = replace(spec, state_feature=None, state_dim=0)
    assert contract.check(blind) == [
        "the policy has no observation.state: write 'feature: null' under state",
        "the policy has no observation.environment_state: remove the environment section",
    ]
    data["state"]["feature"] = None
    del data["environment"]
    assert parse_contract(data, "file.yaml").check(blind) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
PATHS = sorted(
    {path for path, _, _ in WRONG} | {"state", "command", "state.joints", "cameras.1.crop"}
)


@given(path=st.sampled_from(PATHS), value=JSON)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_field_there_is_a_contract_or_a_contract_error(data, path, value):
    data = copy.deepcopy(data)
    if value is not None:
        change(path, value)(data)
    try:
        contract = parse_contract(data, "file.yaml")
    except ContractError as error:
        assert error.problems
    else:
        assert contract.rate_hz > 0


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_is_parsed_or_refused(text):
    try:
        data = parse_yaml(text, "file.yaml")
        parse_contract(data, "file.yaml")
    except ContractError:
        pass


@pytest.mark.parametrize(
    "text", ["!!int ''", "!!int '_'", "!!bool maybe", "!!timestamp now", "!!float ''"]
)
def test_a_tag_on_a_text_that_it_does_not_fit_is_one_sentence(text):
    with pytest.raises(ContractError, match="not valid YAML"):
        parse_yaml(f"rate_hz: {text}", "contract")


def test_features_may_be_named_as_in_the_policys_training_data(contract, spec):
    renames = {"observation.images.top": "observation.images.front", "joints": spec.state_feature}
    cameras = (spec.cameras[0], spec.cameras[1]._replace(feature="observation.images.front"))
    other = replace(spec, cameras=cameras, renames=renames)
    named = replace(contract, state=contract.state.named("joints"))
    bound = named.bind(other)
    assert [camera.feature for camera in bound.cameras] == [c.feature for c in cameras]
    assert [camera.name for camera in bound.cameras] == ["wrist", "top"]
    assert bound.state.feature == spec.state_feature
    assert named.check(other) == []
    assert "no camera of the contract feeds it" in " ".join(
        named.check(replace(other, renames={"joints": spec.state_feature}))
    )


def test_a_feature_by_both_of_its_names_is_refused(contract, spec):
    renames = {"observation.images.top": "observation.images.wrist"}
    cameras = (spec.cameras[0], spec.cameras[1]._replace(feature="observation.images.left"))
    problems = contract.check(replace(spec, cameras=cameras, renames=renames))
    said = "cameras 'top' and 'wrist' both feed observation.images.wrist"
    assert any(said in problem for problem in problems)


def test_what_the_training_data_call_a_missing_camera_is_said(contract, spec):
    cameras = (spec.cameras[0]._replace(feature="observation.images.front"), spec.cameras[1])
    renames = {"observation.images.left": "observation.images.front"}
    (problem, _) = contract.check(replace(spec, cameras=cameras, renames=renames))
    assert "observation.images.left in its training data" in problem
