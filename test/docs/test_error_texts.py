# SPDX-License-Identifier: Apache-2.0
"""What docs/troubleshooting.md quotes is printed today, and what own_robot.md shows runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rclpy
import safetensors.torch
import torch
import yaml
import zstandard

from pam_ros import cli
from pam_ros.bags import BagError, BagReader, BagWriter
from pam_ros.bags.reader import BagMessage
from pam_ros.bags.types import Definition, Definitions, known_types
from pam_ros.observations.by_stamps import ByStamps
from pam_ros.policy import PolicyError, load_policy
from pam_ros.replay.no_ticks import why_no_ticks
from pam_ros.robot import ContractError, load_contract, parse_contract
from pam_ros.robot.sync import Synchroniser
from pam_ros.robot.units import refusal

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "models" / "demo_act"
DEMO_ARM = load_contract(ROOT / "config" / "robots" / "demo_arm.yaml")
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
OWN_ROBOT = (ROOT / "docs" / "own_robot.md").read_text(encoding="utf-8")
# Indented lines of the page, as printed; "..." stands for anything.
QUOTED = [line.strip() for line in PAGE.splitlines() if line.startswith("    ")]


def is_quoted(text):
    """Whether the page quotes this text, as one line."""
    line = " ".join(text.split())
    patterns = (".*".join(re.escape(part) for part in quoted.split("...")) for quoted in QUOTED)
    return any(re.fullmatch(pattern, line) for pattern in patterns)


def test_rclpy_of_another_python_is_quoted(tmp_path):
    package = tmp_path / "rclpy"
    package.mkdir()
    missing = "No module named 'rclpy._rclpy_pybind11'"
    (package / "__init__.py").write_text(f"raise ModuleNotFoundError({missing!r})")
    environment = {**os.environ, "ROS_DISTRO": "jazzy", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    environment.pop("AMENT_PREFIX_PATH", None)
    done = subprocess.run(
        [sys.executable, "-m", "pam_ros.cli", "run", "act_attention"],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    text = re.sub(r"this is Python \d\.\d+", "this is Python 3.11", done.stderr)
    assert is_quoted(text), text


@pytest.mark.parametrize("parameters", [(), ("polcy:=x",)], ids=["no policy", "unknown"])
def test_a_parameter_that_ends_the_start_is_quoted(monkeypatch, parameters, free_domain):
    from pam_ros.nodes.act.node import ActAttentionNode
    from pam_ros.nodes.kit.parameters import ParameterError

    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    rclpy.init(args=["--ros-args", *(part for each in parameters for part in ("-p", each))])
    try:
        with pytest.raises(ParameterError) as caught:
            ActAttentionNode()
    finally:
        rclpy.shutdown()
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


@pytest.mark.skipif(
    rclpy.__spec__.origin != "rclpy_cyclone", reason="the embedded runtime's own sentence"
)
def test_a_domain_id_out_of_range_is_quoted(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "300")
    with pytest.raises(Exception, match="300") as caught:
        rclpy.init()
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


def test_a_checkpoint_from_before_0_4_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEMO, "old")
    weights = safetensors.torch.load_file("old/model.safetensors")
    for path in Path("old").glob("policy_*"):
        path.unlink()
    for camera in ("top", "wrist"):
        for statistic in ("mean", "std"):
            key = f"normalize_inputs.buffer_observation_images_{camera}.{statistic}"
            weights[key] = torch.ones(3, 1, 1)
    weights["normalize_inputs.buffer_observation_state.mean"] = torch.zeros(6)
    safetensors.torch.save_file(weights, "old/model.safetensors")
    with pytest.raises(PolicyError) as caught:
        load_policy("old")
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


def test_an_adapter_alone_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lora").mkdir()
    Path("lora/adapter_config.json").write_text('{"base_model_name_or_path": "user/act_so101"}')
    with pytest.raises(PolicyError) as caught:
        load_policy("lora")
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


def test_a_processor_that_resizes_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEMO, "resizes")
    path = Path("resizes/policy_preprocessor.json")
    content = json.loads(path.read_text())
    step = {"registry_name": "image_crop_resize_processor", "config": {"resize_size": [120, 160]}}
    path.write_text(json.dumps({**content, "steps": [step, *content["steps"]]}))
    with pytest.raises(PolicyError) as caught:
        load_policy("resizes")
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


def test_a_checkpoint_without_its_statistics_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEMO, "renamed")
    path = "renamed/policy_postprocessor_step_0_unnormalizer_processor.safetensors"
    statistics = safetensors.torch.load_file(path)
    renamed = {key.replace("action.", "actions."): value for key, value in statistics.items()}
    safetensors.torch.save_file(renamed, path)
    with pytest.raises(PolicyError) as caught:
        load_policy("renamed")
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value


def test_contract_errors_are_quoted(tmp_path):
    so101 = ROOT / "config" / "robots" / "so101_degrees.yaml"
    with pytest.raises(ContractError) as caught:
        load_contract(so101).bind(load_policy(DEMO).spec)
    assert is_quoted(f"pam_ros: {caught.value}"), caught.value
    broken = tmp_path / "my_robot.yaml"
    text = so101.read_text().replace("rate_hz", "rate").replace("unit: deg ", "unit: degrees ")
    broken.write_text(text)
    with pytest.raises(ContractError) as caught:
        load_contract(broken)
    said = str(caught.value).replace(str(broken), broken.name)
    assert is_quoted(f"pam_ros: {said}"), said


def test_units_that_look_wrong_are_quoted(tmp_path, complaint):
    file = tmp_path / "degrees.yaml"
    text = (ROOT / "config" / "robots" / "demo_arm.yaml").read_text()
    file.write_text(text.replace("unit: rad", "unit: deg"))
    bound = load_contract(file).bind(load_policy(DEMO).spec)
    assert is_quoted(refusal(bound.unit_doubts)), bound.unit_doubts
    assert cli.main(["contract", "check", str(file), "--policy", str(DEMO)]) == 1
    said = complaint()
    assert is_quoted(said), said


def test_a_robot_with_variants_is_quoted(capsys):
    assert cli.main(["contract", "check", "so101"]) == 1
    said = capsys.readouterr().err
    assert is_quoted(said), said


def test_reasons_for_no_ticks_are_in_the_table():
    second = 1_000_000_000
    sources = ["top", "state"]
    both = Synchroniser(sources, tolerance_s=0.05, max_age_s=0.3)
    both.add("state", 10 * second, None)
    assert both.newest(10 * second) is None
    assert f"| {both.reason} |" in PAGE
    both.add("top", 10 * second - 410_000_000, None)
    assert both.newest(10 * second) is None
    assert f"| {both.reason} |" in PAGE
    both = Synchroniser(sources, tolerance_s=0.05, max_age_s=0.3)
    for name, age in (("top", 1_200_000_000), ("state", 1_190_000_000)):
        both.add(name, 10 * second - age, None)
    assert both.newest(10 * second) is None
    assert f"| {both.reason} |" in PAGE


def why_a_replay_has_no_tick(stamps_ns, messages=1200):
    """The sentence for a recording whose sources have these first stamps; 0 is no stamp."""
    order = ByStamps(load_contract(ROOT / "config" / "robots" / "demo_arm.yaml"))
    for number in range(messages):
        for source, first in stamps_ns.items():
            stamp = first and first + number * 10_000_000
            list(order.add(source, stamp, BagMessage("", "", number * 10_000_000, b"")))
    assert not list(order.end())
    return why_no_ticks({}, "", order.why_none())


def test_reasons_for_a_replay_without_a_tick_are_quoted():
    second = 1_000_000_000
    zero = why_a_replay_has_no_tick({"top": second, "wrist": second, "joint_states": 0})
    assert is_quoted(f"pam_ros replay: my_bag: {zero}"), zero
    cells = re.findall(r"^\| (.*\.\.\..*?) \|", PAGE, re.MULTILINE)
    patterns = [".*".join(re.escape(part) for part in cell.split("...")) for cell in cells]
    for said in (
        zero,
        why_a_replay_has_no_tick({"top": second, "joint_states": second}, messages=20),
        why_a_replay_has_no_tick(
            {"top": second, "wrist": 9 * second, "joint_states": second}, messages=20
        ),
        why_no_ticks({"unusable": 3}, "its encoding is odd", ""),
        why_no_ticks({"incomplete": 3}, "", ""),
    ):
        reason = said.removeprefix("no tick: ")
        assert any(re.match(pattern, reason) for pattern in patterns), said


@pytest.mark.parametrize("discovered", ["publisher", "subscription"])
def test_the_warning_of_incompatible_qos_is_quoted(discovered):
    file = ROOT / "rclpy_cyclone" / "entities" / "event_handler.py"
    source = file.read_text(encoding="utf-8")
    (quoted,) = [line for line in QUOTED if line.startswith(f"New {discovered} discovered")]
    before, _, after = quoted.removesuffix("RELIABILITY").partition("'/top/image_raw'")
    for part in (before, after):
        # In the source it is broken into lines.
        assert letters(part) in letters(re.sub(r'"\s*f?"', "", source)), part


def letters(text):
    return re.sub(r"\W+", "", text)


def test_the_shortest_contract_of_the_page_is_one():
    text, two_arms = re.findall(r"```yaml\n(.*?)```", OWN_ROBOT, re.DOTALL)
    contract = parse_contract(yaml.safe_load(text), "my_robot.yaml")
    assert [joint.name for joint in contract.command.joints] == ["shoulder", "elbow"]
    contract = parse_contract(yaml.safe_load(two_arms), "two_arms.yaml")
    assert len(contract.state.joints) == len(contract.command.joints) == 14
    assert [part.measured.topic for part in contract.command.parts] == list(contract.state.topics)
    grippers = [joint for joint in contract.command.joints if joint.message_unit == "m"]
    assert [joint.max_velocity for joint in grippers] == [0.1, 0.1]
    assert [joint.label for joint in grippers] == ["left/gripper", "right/gripper"]


def test_the_python_of_the_page_finds_what_does_not_fit(capsys):
    check, *_ = re.findall(r"```text\n(from pam_ros.*?)```", OWN_ROBOT, re.DOTALL)
    contract = ROOT / "config" / "robots" / "{}.yaml"
    for name, fits in (("demo_arm", True), ("so101_degrees", False)):
        code = check.replace("user/act_so101", str(DEMO))
        exec(code.replace("my_robot.yaml", str(contract).format(name)), {})
        assert (capsys.readouterr().out == "") == fits


def test_what_is_said_of_recordings_is_quoted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with BagWriter("my_bag", split_bytes=1) as writer:
        writer.add_topic("/a", "std_msgs/msg/String")
        for index in range(2):
            writer.write("/a", b"\0\1\0\0\1\0\0\0\0", index)
    Path("my_bag/metadata.yaml").unlink()
    with pytest.raises(BagError) as error:
        BagReader("my_bag")
    assert is_quoted(str(error.value))
    content = Path("my_bag/my_bag_0.mcap").read_bytes()
    Path("run.mcap").write_bytes(content)
    Path("run.mcap.zstd").write_bytes(zstandard.compress(content[:-60]))
    assert cli.main(["bag", "repair", "run.mcap.zstd"]) == 1
    assert is_quoted(capsys.readouterr().err)
    kinds = Definitions(known_types())
    kinds.take("/b", "my_msgs/msg/Tool", Definition("ros2msg", "string name\n"))
    with pytest.raises(BagError) as error:
        kinds.take("/a", "my_msgs/msg/Tool", Definition("ros2msg", "uint8 name\n"))
    assert is_quoted(f"/a is not copied: {error.value}")
