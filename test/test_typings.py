# SPDX-License-Identifier: Apache-2.0
"""What mypy knows of rclpy and of the messages finds mistakes, and is what their sources say."""

import dataclasses
import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import mypy.api
import pytest

from pam_ros.bags.types import known_types

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found_by_mypy(tmp_path_factory):
    """A function that gives the complaints about some lines, by this project's settings."""
    folder = tmp_path_factory.mktemp("mypy")

    def check(text):
        file = folder / "checked.py"
        file.write_text(HEAD + textwrap.dedent(text))
        arguments = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(folder)]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)
            output, errors, _ = mypy.api.run([*arguments, str(file)])
        assert not errors, errors
        return [line.partition("error: ")[2] for line in output.splitlines() if "error: " in line]

    return check


HEAD = """\
from builtin_interfaces.msg import Time
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header, Int32
from std_srvs.srv import SetBool, Trigger
from pam_ros.msg import AttentionMap
import numpy as np

def take_joints(message: JointState) -> None: ...

def reset(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
    return response
"""


def test_the_files_are_what_the_definitions_say():
    # In a process of its own: other tests teach this one's runtime messages that they make up.
    program = (
        "import json, runpy; "
        "print(json.dumps(runpy.run_path('scripts/write_typings.py')['all_files']()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = json.loads(done.stdout)
    for path, text in files.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, (
            f"{path} is old: run python scripts/write_typings.py"
        )
    there = [*ROOT.glob("typings/**/*.pyi"), *ROOT.glob("pam_ros/message_types/*.py")]
    written = {file.relative_to(ROOT).as_posix() for file in there}
    by_hand = {"pam_ros/message_types/__init__.py"}
    assert written - by_hand == set(files) - {"pam_ros/msg.pyi"}


def test_code_without_mistakes_has_no_complaint(found_by_mypy):
    assert not found_by_mypy(
        """
        def fill(node: Node) -> AttentionMap:
            message = AttentionMap(tick=3, head_entropy=np.zeros(8), valid=True)
            message.header.stamp = node.get_clock().now().to_msg()
            message.head_latent_share = [0.5, 0.25]
            first: float = message.head_entropy[0]
            message.entropy = first
            return message

        def answer(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
            response.success, response.message = request.data, "as asked"
            return response

        def look(image: Image) -> int:
            return image.height

        def start(node: Node) -> None:
            node.create_subscription(Image, "image", look, 10)
            node.create_subscription(Image, "image", lambda image: image.width, 10)
            node.create_subscription(Image, "image", bytes.hex, 10, raw=True)
            node.create_service(SetBool, "~/enable", answer)
            node.create_publisher(JointState, "joints", 10).publish(JointState(name=["pan"]))
        """
    )


def protocols():
    """Every Protocol of a message, by the message's full name."""
    for file in sorted((ROOT / "pam_ros" / "message_types").glob("[!_]*.py")):
        module = importlib.import_module(f"pam_ros.message_types.{file.stem}")
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield pytest.param(f"{file.stem}/msg/{name}", value, id=f"{file.stem}/{name}")


@pytest.mark.parametrize(("name", "protocol"), protocols())
def test_messages_of_rclpy_and_of_rosbags_have_the_fields_of_their_protocol(name, protocol):
    fields = set(protocol.__annotations__)
    fields |= {key for key, value in vars(protocol).items() if isinstance(value, property)}
    package, _, short = name.split("/")
    of_rclpy = getattr(importlib.import_module(f"{package}.msg"), short)
    assert set(of_rclpy.get_fields_and_field_types()) == fields
    of_rosbags = dataclasses.fields(known_types().types[name])
    constants = {field.name for field in of_rosbags if field.default is not dataclasses.MISSING}
    assert {field.name for field in of_rosbags} - constants == fields


def test_the_class_of_a_node_fits_the_protocol_of_what_it_calls(found_by_mypy):
    assert not found_by_mypy(
        """
        from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
        from pam_ros.robot.values.interface import Command
        from pam_ros.robot.values.joints import fill_joint_trajectory
        from pam_ros.robot.images import fill_image, image_to_rgb

        def draw(image: Image, command: Command) -> None:
            fill_image(image, image_to_rgb(image))
            fill_joint_trajectory(JointTrajectory(), command, lambda _: JointTrajectoryPoint())
        """
    )


def test_a_misspelt_field_is_found_where_no_ros_is(found_by_mypy):
    (found,) = found_by_mypy(
        """
        from pam_ros.message_types.pam_ros import SaeFeatures

        def score(message: SaeFeatures) -> float:
            return float(message.ood_scores)
        """
    )
    assert '"SaeFeatures" has no attribute "ood_scores"' in found


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("AttentionMap().latent_shares = 0.5", '"AttentionMap" has no attribute "latent_shares"'),
        ("AttentionMap().tick = 0.5", 'expression has type "float", variable has type "int"'),
        ("AttentionMap(ticks=3)", 'Unexpected keyword argument "ticks" for "AttentionMap"'),
        ("AttentionMap(tick='3')", 'has incompatible type "str"; expected "int"'),
        ("AttentionMap().head_entropy = 'high'", 'expression has type "str"'),
        ("JointState().name = 'pan'", 'expression has type "str"'),
        ("JointState().header.frame = 'base'", '"Header" has no attribute "frame"'),
        ("JointState().header = Time()", 'expression has type "Time"'),
        ("SetBool.Response().succes = True", '"SetBool_Response" has no attribute "succes"'),
        ("Node('arm').create_publisher(Image, 'image', 10).publish(JointState())", '"JointState"'),
        (
            "Node('arm').create_subscription(Image, 'image', take_joints, 10)",
            "[[JointState], None]",
        ),
        (
            "Node('arm').create_service(SetBool, 'on', reset)",
            "[[Trigger_Request, Trigger_Response]",
        ),
        ("Node('arm').get_clocks()", '"Node" has no attribute "get_clocks"'),
        ("Node('arm').create_timer('often', print)", 'expected "float"'),
    ],
)
def test_a_misspelt_name_or_a_wrong_type_is_found(found_by_mypy, line, complaint):
    (found,) = found_by_mypy(line)
    assert complaint in found
