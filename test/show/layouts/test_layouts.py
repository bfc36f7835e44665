# SPDX-License-Identifier: Apache-2.0
"""Layouts show topics that the nodes publish; the shipped ones are those of the demo robot."""

import ast
import importlib
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import rclpy
import yaml

from pam_ros.cli import main
from pam_ros.robot import CommandContract, StateContract, load_contract, parse_contract
from pam_ros.robot.topics import topics_of
from pam_ros.share.folders import find_contract, share_directory
from pam_ros.show.layouts.main import DEFAULT_CONTRACT, layouts

RVIZ, RQT, FOXGLOVE = NAMES = ("pam_ros.rviz", "pam_ros.perspective", "pam_ros.foxglove.json")
MODEL = Path(__file__).parents[3] / "models" / "demo_act"
INDEX = re.compile(r"\[[^\]]*\](\{[^}]*\})?")


def rviz_topics(text):
    return [d["Topic"]["Value"] for d in yaml.safe_load(text)["Visualization Manager"]["Displays"]]


def rqt_topics(text):
    """As rqt reads a perspective: the views that it starts, and the topic of each."""
    manager = json.loads(text)["groups"]["pluginmanager"]
    started = ast.literal_eval(manager["keys"]["running-plugins"]["repr"])
    assert list(started) == ["rqt_image_view/ImageView"]
    groups = [
        manager["groups"][f"plugin__rqt_image_view__ImageView__{number}"]["groups"]["plugin"]
        for number in started["rqt_image_view/ImageView"]
    ]
    assert len(groups) == len(manager["groups"])
    return [ast.literal_eval(group["keys"]["topic"]["repr"]) for group in groups]


def foxglove_images(text):
    panels = json.loads(text)["configById"]
    return [p["imageMode"]["imageTopic"] for p in panels.values() if "imageMode" in p]


def foxglove_paths(text):
    """(topic, field path) of every line of a plot; ("/diagnostics", "") of the summary."""
    panels = json.loads(text)["configById"].values()
    values = [line["value"] for panel in panels for line in panel.get("paths", ())]
    parts = [value.partition(".") for value in values]
    return [(topic, path) for topic, _, path in parts] + [
        (panel["topicToRender"], "") for panel in panels if "topicToRender" in panel
    ]


def leaves(layout):
    if isinstance(layout, str):
        return [layout]
    assert 0 < layout["splitPercentage"] < 100
    return leaves(layout["first"]) + leaves(layout["second"])


def resolve(message_type, path):
    """Follows a Foxglove message path through a message's definition; its last field's type."""
    kind = None
    for step in re.split(r"\.(?![^{]*\})", path):
        name = INDEX.sub("", step)
        kind = message_type.get_fields_and_field_types()[name]
        if INDEX.search(step):
            assert kind.startswith("sequence<"), step
            kind = kind.removeprefix("sequence<").removesuffix(">")
        if "/" in kind:
            package, _, type_name = kind.partition("/")
            message_type = getattr(importlib.import_module(f"{package}.msg"), type_name)
            for field in re.findall(r"\{(\w+)==", step):
                assert field in message_type.get_fields_and_field_types()
    return kind


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Starts nodes in this process; returns what they publish and listen to: topic to type."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(60 + os.getpid() % 150))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    nodes = []

    def start(contract, *remaps):
        from pam_ros.nodes.act.node import ActAttentionNode
        from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

        sys.path.insert(0, str(Path(__file__).parents[2] / "nodes"))
        try:
            from sae_folder import write_sae
        finally:
            sys.path.pop(0)
        write_sae(tmp_path / "sae")
        attention = {"policy": str(MODEL), "contract": contract, "engine": "eager"}
        parameters = {"act_attention": attention, "sae_recorder": {"sae": str(tmp_path / "sae")}}
        file = tmp_path / "parameters.yaml"
        file.write_text(
            yaml.safe_dump({f"/**/{n}": {"ros__parameters": v} for n, v in parameters.items()})
        )
        rclpy.init(args=["--ros-args", "--params-file", str(file), *remaps])
        nodes.extend([ActAttentionNode(), SaeRecorderNode()])
        nodes[0].start()
        return {
            entity.topic_name: entity.msg_type
            for node in nodes
            for entity in (*node.publishers, *node.subscriptions)
        }

    yield start
    for node in nodes:
        node.close()
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def shipped():
    return topics_of(load_contract(find_contract(DEFAULT_CONTRACT)))


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_file_is_what_the_generator_writes_for_the_demo_robot(name, shipped):
    assert (share_directory() / "config" / name).read_text() == layouts(shipped)[name]


def test_every_topic_and_field_is_one_that_the_running_nodes_have(started, shipped):
    entities = started(DEFAULT_CONTRACT)
    texts = layouts(shipped)
    images = [*rviz_topics(texts[RVIZ]), *rqt_topics(texts[RQT])]
    assert {entities[topic].__name__ for topic in images} == {"Image"}
    for topic in foxglove_images(texts[FOXGLOVE]):
        expected = "CompressedImage" if topic.endswith("/compressed") else "Image"
        assert entities[topic].__name__ == expected
    for topic, path in foxglove_paths(texts[FOXGLOVE]):
        assert topic in entities
        if path:
            assert resolve(entities[topic], path) in {"float", "double"}, path
    for field in ("attention", "chunk", "features", "diagnostics"):
        assert getattr(shipped, field) in entities
    assert {part.topic for part in (*shipped.states, *shipped.commands)} <= set(entities)


def test_nodes_of_other_names_are_found_by_those_names(started):
    entities = started(DEFAULT_CONTRACT, "-r", "__ns:=/left")
    contract = load_contract(find_contract(DEFAULT_CONTRACT))
    texts = layouts(topics_of(contract, "/left/act_attention", "/left/sae_recorder"))
    found = rviz_topics(texts[RVIZ]) + foxglove_images(texts[FOXGLOVE])
    found += [topic for topic, _ in foxglove_paths(texts[FOXGLOVE])]
    assert "/left/act_attention/attention/top/image" in found
    assert set(found) <= set(entities)


def test_each_camera_of_another_contract_has_its_views(tmp_path, capsys):
    assert main(["layouts", "--contract", "so101_degrees", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in NAMES]
    overlays = [f"/act_attention/attention/{name}/image" for name in ("front", "wrist")]
    assert rviz_topics((tmp_path / RVIZ).read_text()) == overlays
    assert rqt_topics((tmp_path / RQT).read_text()) == overlays
    text = (tmp_path / FOXGLOVE).read_text()
    assert set(foxglove_images(text)) == {
        "/front/image_raw",
        "/wrist/image_raw/compressed",
        *(f"{overlay}/compressed" for overlay in overlays),
    }
    commands = [
        path for topic, path in foxglove_paths(text) if topic == "/arm_controller/joint_trajectory"
    ]
    assert commands == [f"points[0].positions[{number}]" for number in range(6)]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_foxglove_shows_each_of_its_panels_once(count):
    contract = load_contract(find_contract(DEFAULT_CONTRACT))
    camera = contract.cameras[0]
    cameras = tuple(replace(camera, name=f"c{n}", topic=f"/c{n}") for n in range(count))
    content = json.loads(layouts(topics_of(replace(contract, cameras=cameras)))[FOXGLOVE])
    assert sorted(leaves(content["layout"])) == sorted(content["configById"])
    assert len(foxglove_images(json.dumps(content))) == 2 * count


# What these programs read, from their sources: rviz 14.3 (image_display.cpp,
# qos_profile_property.cpp), rqt_image_view 0.4.17 with qt_gui 2.8 (image_view.cpp,
# plugin_manager.py), Lichtblick 1.28 (Plot/utils/config.ts, IRenderer.ts, DiagnosticSummary), whose
# layouts Foxglove's are.
RVIZ_IMAGE = {
    "Class", "Enabled", "Name", "Value", "Topic", "Normalize Range", "Min Value", "Max Value",
    "Median window",
}  # fmt: skip
RVIZ_QOS = {
    "Depth": range(1, 1000),
    "History Policy": {"System Default", "Keep Last", "Keep All"},
    "Reliability Policy": {"System Default", "Reliable", "Best Effort"},
    "Durability Policy": {"System Default", "Transient Local", "Volatile"},
}
RVIZ_CLASSES = {
    "rviz_common/Displays", "rviz_default_plugins/Image", "rviz_default_plugins/MoveCamera",
    "rviz_default_plugins/Orbit", "",
}  # fmt: skip
RQT_IMAGE_VIEW = {
    "topic", "zoom1", "dynamic_range", "max_range", "publish_click_location", "mouse_pub_topic",
    "toolbar_hidden", "num_gridlines", "smooth_image", "rotate", "color_scheme",
}  # fmt: skip
FOXGLOVE_LAYOUT = {"configById", "layout", "globalVariables", "playbackConfig", "userNodes"}
FOXGLOVE_PANELS = {
    "Image": {"imageMode"},
    "Plot": {"paths", "showLegend", "legendDisplay", "isSynced", "xAxisVal"},
    "DiagnosticSummary": {"minLevel", "pinnedIds", "hardwareIdFilter", "topicToRender"},
}
FOXGLOVE_LINE = {"value", "label", "enabled", "timestampMethod", "color", "showLine", "lineSize"}


def every(content, key):
    """All values of a key, at any depth."""
    if isinstance(content, dict):
        own = [content[key]] if key in content else []
        return own + [found for part in content.values() for found in every(part, key)]
    if isinstance(content, list):
        return [found for part in content for found in every(part, key)]
    return []


def test_rviz_and_rqt_know_every_class_and_setting(shipped):
    texts = layouts(shipped)
    content = yaml.safe_load(texts[RVIZ])
    assert set(every(content, "Class")) <= RVIZ_CLASSES
    for display in content["Visualization Manager"]["Displays"]:
        assert set(display) <= RVIZ_IMAGE
        topic = dict(display["Topic"])
        assert topic.pop("Value").startswith("/")
        assert all(value in RVIZ_QOS[name] for name, value in topic.items())
    manager = json.loads(texts[RQT])["groups"]["pluginmanager"]
    for group in manager["groups"].values():
        assert set(group["groups"]["plugin"]["keys"]) <= RQT_IMAGE_VIEW


def test_foxglove_knows_every_panel_and_setting(shipped):
    content = json.loads(layouts(shipped)[FOXGLOVE])
    assert set(content) == FOXGLOVE_LAYOUT
    for name, panel in content["configById"].items():
        kind, _, _ = name.partition("!")
        assert set(panel) - {"foxglovePanelTitle"} <= FOXGLOVE_PANELS[kind], name
    lines = [line for lines in every(content, "paths") for line in lines]
    assert lines
    assert {key for line in lines for key in line} <= FOXGLOVE_LINE
    assert {line["timestampMethod"] for line in lines} <= {"headerStamp", "receiveTime"}
    assert set(every(content, "direction")) <= {"row", "column"}


def test_relative_topics_are_those_of_the_nodes_namespace():
    contract = load_contract(find_contract(DEFAULT_CONTRACT))
    (state,), (command,) = contract.state.parts, contract.command.parts
    state = StateContract((replace(state, topic="joint_states"),))
    command = CommandContract((replace(command, topic="~/go"),))
    topics = topics_of(replace(contract, state=state, command=command), "/arm/act_attention")
    assert [part.topic for part in topics.states] == ["/arm/joint_states"]
    assert [part.topic for part in topics.commands] == ["/arm/act_attention/go"]


def test_a_missing_contract_is_one_sentence(tmp_path, capsys):
    assert main(["layouts", "--contract", "nothing", "--out", str(tmp_path)]) == 1
    assert "contract 'nothing' is neither a file" in capsys.readouterr().err


def test_two_arms_are_plotted_by_the_labels_of_their_joints():
    data = {
        "robot": "two_arms",
        "rate_hz": 10,
        "cameras": [{"name": "top", "topic": "/top", "feature": "observation.image"}],
        "state": [
            {"topic": f"/{side}/joint_states", "joints": [{"name": "elbow", "limits": [-1, 1]}]}
            for side in ("left", "right")
        ],
        "command": [
            {"topic": "/left/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 1},
            {"topic": "/right/go", "type": "trajectory_msgs/msg/JointTrajectory",
             "max_velocity": 1},
            {"topic": "/cmd_vel", "type": "geometry_msgs/msg/Twist", "max_acceleration": 1,
             "fields": [{"name": "angular.z", "limits": [-1, 1]}]},
        ],
    }  # fmt: skip
    topics = topics_of(parse_contract(data, "two_arms.yaml"))
    assert topics.joints == {"left/elbow": "rad", "right/elbow": "rad", "angular.z": "rad/s"}
    paths = dict(foxglove_paths(layouts(topics)[FOXGLOVE]))
    assert paths["/left/go"] == "position[0]"
    assert paths["/right/go"] == "points[0].positions[0]"
    assert paths["/cmd_vel"] == "angular.z"
