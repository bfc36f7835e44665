# SPDX-License-Identifier: Apache-2.0
"""Layouts show topics that the nodes publish; the shipped ones are those of the demo robot."""

import ast
import importlib
import json
import re
import struct
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


def rviz_displays(text, kind):
    displays = yaml.safe_load(text)["Visualization Manager"]["Displays"]
    return [one for one in displays if one["Class"] == f"rviz_default_plugins/{kind}"]


def rviz_topics(text):
    """Of the overlays."""
    return [one["Topic"]["Value"] for one in rviz_displays(text, "Image")]


def rviz_markers(text):
    return [one["Topic"]["Value"] for one in rviz_displays(text, "MarkerArray")]


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
def started(monkeypatch, tmp_path, free_domain):
    """Starts nodes in this process; returns what they publish and listen to: topic to type."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    nodes = []

    def start(contract, *remaps):
        from pam_ros.nodes.act.node import ActAttentionNode
        from pam_ros.nodes.displays.node import DisplaysNode
        from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

        sys.path.insert(0, str(Path(__file__).parents[2] / "nodes"))
        try:
            from sae_folder import write_sae
        finally:
            sys.path.pop(0)
        write_sae(tmp_path / "sae")
        attention = {"policy": str(MODEL), "contract": contract, "engine": "eager"}
        parameters = {"act_attention": attention, "sae_recorder": {"sae": str(tmp_path / "sae")},
                      "displays": {"contract": contract}}  # fmt: skip
        file = tmp_path / "parameters.yaml"
        file.write_text(
            yaml.safe_dump({f"/**/{n}": {"ros__parameters": v} for n, v in parameters.items()})
        )
        rclpy.init(args=["--ros-args", "--params-file", str(file), *remaps])
        nodes.extend([ActAttentionNode(), SaeRecorderNode(), DisplaysNode()])
        nodes[0].start()
        return {
            entity.topic_name: entity.msg_type
            for node in nodes
            for entity in (*node.publishers, *node.subscriptions)
        }

    yield start
    for node in nodes:
        getattr(node, "close", lambda: None)()
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
    scene, *ours = rviz_markers(texts[RVIZ])
    assert scene == "/demo_robot/scene"  # of the driver, as is the description
    assert {entities[topic].__name__ for topic in ours} == {"MarkerArray"}
    assert ours == [f"/displays/{name}" for name in ("cameras", "heat", "chunk_path")]
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
RVIZ_DISPLAYS = {
    "Image": {"Topic", "Normalize Range", "Min Value", "Max Value", "Median window"},
    "MarkerArray": {"Topic", "Namespaces"},
    "RobotModel": {"Description Source", "Description File", "Description Topic", "TF Prefix",
                   "Visual Enabled", "Collision Enabled", "Update Interval", "Alpha"},
    "Grid": {"Reference Frame", "Plane Cell Count", "Normal Cell Count", "Cell Size", "Color",
             "Alpha", "Plane", "Offset", "Line Style"},
    "TF": {"Show Names", "Show Axes", "Show Arrows", "Marker Scale", "Update Interval",
           "Frame Timeout"},
}  # fmt: skip
RVIZ_EVERY = {"Class", "Enabled", "Name", "Value"}
RVIZ_ORBIT = {"Class", "Name", "Value", "Distance", "Focal Point", "Pitch", "Yaw", "Target Frame"}
RVIZ_QOS = {
    "Depth": range(1, 1000),
    "History Policy": {"System Default", "Keep Last", "Keep All"},
    "Reliability Policy": {"System Default", "Reliable", "Best Effort"},
    "Durability Policy": {"System Default", "Transient Local", "Volatile"},
}
RVIZ_CLASSES = {
    "rviz_common/Displays", "rviz_default_plugins/MoveCamera", "rviz_default_plugins/Orbit", "",
    *(f"rviz_default_plugins/{name}" for name in RVIZ_DISPLAYS),
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
        kind = display["Class"].rpartition("/")[2]
        assert set(display) - RVIZ_EVERY <= RVIZ_DISPLAYS[kind]
        for key in {"Topic", "Description Topic"} & set(display):
            topic = dict(display[key])
            assert topic.pop("Value").startswith("/")
            assert all(value in RVIZ_QOS[name] for name, value in topic.items())
    (robot,) = rviz_displays(texts[RVIZ], "RobotModel")
    # Published once; a volatile subscriber that comes later gets none.
    assert robot["Description Topic"]["Durability Policy"] == "Transient Local"
    assert set(content["Visualization Manager"]["Views"]["Current"]) <= RVIZ_ORBIT
    docks = {"Displays", "top, attention", "wrist, attention"}
    of_window = {"Height", "Width", "Hide Left Dock", "Hide Right Dock", "QMainWindow State"}
    assert set(content["Window Geometry"]) == docks | of_window
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


def cameras_of(count):
    contract = load_contract(find_contract(DEFAULT_CONTRACT))
    camera = contract.cameras[0]
    cameras = tuple(replace(camera, name=f"c{n}", topic=f"/c{n}/raw") for n in range(count))
    return layouts(topics_of(replace(contract, cameras=cameras)))[RVIZ]


class StateReader:
    """A QMainWindow state, as Qt's QDockAreaLayout::restoreState goes through it."""

    def __init__(self, text):
        self.rest = bytes.fromhex(text)

    def take(self, form):
        size = struct.calcsize(f">{form}")
        found, self.rest = struct.unpack(f">{form}", self.rest[:size]), self.rest[size:]
        return found if len(found) > 1 else found[0]

    def read(self):
        """Of each dock area its number, width and rows of names with their lengths."""
        assert self.take("iiB") == (0xFF, 0, 0xFD)
        areas = {}
        for _ in range(self.take("i")):
            number, width, height = self.take("iii")
            assert self.take("B") == 0xFC
            areas[number] = (width, height, self.sequence())
        centre, corners = self.take("ii"), self.take("iiii")
        assert self.take("Bi") == (0xFC, 0)  # no tool bar is moved
        assert self.rest == b""
        return areas, centre, corners

    def sequence(self):
        orientation, count = self.take("Bi")
        assert orientation in {1, 2}
        parts = []
        for _ in range(count):
            marker = self.take("B")
            name = None
            if marker == 0xFB:
                length = self.take("I")
                name, self.rest = self.rest[:length].decode("utf-16-be"), self.rest[length:]
                assert self.take("B") == 1  # visible, and in the window
            begin, size, _, _ = self.take("iiii")
            parts.append((begin, size, name if name is not None else self.nested()))
        return parts

    def nested(self):
        assert self.take("B") == 0xFC
        return self.sequence()


def test_the_docks_fill_the_window_with_the_overlays_in_the_contract_s_order():
    for count, expected in {
        0: [], 1: [["c0"]], 2: [["c0"], ["c1"]], 3: [["c0", "c1"], ["c2"]],
        5: [["c0", "c1"], ["c2", "c3"], ["c4"]],
    }.items():  # fmt: skip
        geometry = yaml.safe_load(cameras_of(count))["Window Geometry"]
        areas, (centre, height), _ = StateReader(geometry["QMainWindow State"]).read()
        (left_width, _, ((_, _, panel),)) = areas.pop(0)
        assert panel == "Displays"
        widths = centre + left_width
        rows = []
        if areas:
            (width, high, parts) = areas.pop(1)
            widths += width
            assert width >= 600  # large
            assert sum(size for _, size, _ in parts) == pytest.approx(high, abs=len(parts))
            rows = [
                [name for _, _, name in row] if isinstance(row, list) else [row]
                for _, _, row in parts
            ]
        assert not areas
        assert rows == [[f"{name}, attention" for name in row] for row in expected]
        assert widths == geometry["Width"]
        assert 0.8 * geometry["Height"] < height < geometry["Height"]
        assert centre >= 500


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_qt_itself_restores_the_docks(count, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    widgets = pytest.importorskip("PyQt5.QtWidgets")
    core = pytest.importorskip("PyQt5.QtCore")
    app = widgets.QApplication.instance() or widgets.QApplication([])
    geometry = yaml.safe_load(cameras_of(count))["Window Geometry"]
    window, docks = widgets.QMainWindow(), {}
    window.setCentralWidget(widgets.QWidget())
    # As RViz adds them: panels at the left, pictures afloat.
    for name in ["Displays", *(f"c{n}, attention" for n in range(count))]:
        docks[name] = widgets.QDockWidget(name)
        docks[name].setFloating(name != "Displays")
        docks[name].setObjectName(name)
        window.addDockWidget(core.Qt.LeftDockWidgetArea, docks[name])
    window.resize(geometry["Width"], geometry["Height"])
    state = core.QByteArray.fromHex(geometry["QMainWindow State"].encode())
    assert window.restoreState(state)
    window.show()
    app.processEvents()
    assert not any(dock.isFloating() or not dock.isVisible() for dock in docks.values())
    assert docks["Displays"].x() == 0
    pictures = [docks[f"c{n}, attention"] for n in range(count)]
    assert [(d.y(), d.x()) for d in pictures] == sorted((d.y(), d.x()) for d in pictures)
    for dock in pictures:
        assert dock.width() >= 400
        assert dock.height() >= 250
    assert window.centralWidget().width() >= 490
    window.close()


def test_the_fixed_frame_is_the_root_of_the_robot_s_urdf(tmp_path, capsys):
    urdf = tmp_path / "arm.urdf"
    urdf.write_text(
        '<robot name="a"><link name="pedestal"/><link name="arm"/><joint name="j" type="fixed">'
        '<parent link="pedestal"/><child link="arm"/></joint></robot>'
    )

    def made(*options):
        given = ["layouts", "--contract", "so101_degrees", "--out", str(tmp_path), *options]
        assert main(given) == 0
        return (tmp_path / RVIZ).read_text()

    def frame(text):
        return yaml.safe_load(text)["Visualization Manager"]["Global Options"]["Fixed Frame"]

    assert frame(made()) == "base_link"
    assert frame(made("--urdf", str(urdf))) == "pedestal"
    assert frame(made("--urdf", str(urdf), "--fixed-frame", "world")) == "world"
    own = made("--displays", "/left/displays", "--robot-description", "/left/robot_description")
    # No scene: that is the demo's.
    assert rviz_markers(own) == [
        f"/left/displays/{name}" for name in ("cameras", "heat", "chunk_path")
    ]
    (robot,) = rviz_displays(own, "RobotModel")
    assert robot["Description Topic"]["Value"] == "/left/robot_description"
    capsys.readouterr()
    urdf.write_text("no URDF")
    assert main(["layouts", "--out", str(tmp_path), "--urdf", str(urdf)]) == 1
    assert "pam_ros layouts: the robot description is no XML" in capsys.readouterr().err
    missing = str(tmp_path / "missing.urdf")
    assert main(["layouts", "--out", str(tmp_path), "--urdf", missing]) == 1
    assert "missing.urdf" in capsys.readouterr().err


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
