# SPDX-License-Identifier: Apache-2.0
"""The package as ROS 2 builds, installs and launches it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from real_ros2 import build_workspace, sourced, with_ros_python

from pam_ros.bags.types import known_types

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MESSAGES = sorted(file.stem for file in (ROOT / "msg").glob("*.msg"))


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_have_the_hash_that_the_embedded_runtime_and_bags_use(ros2, workspace, message):
    assert ros2.type_hash("pam_ros", message) == known_types().hash_rihs01(f"pam_ros/msg/{message}")


@pytest.mark.parametrize("message", MESSAGES)
def test_interface_show_explains_every_message(ros2, workspace, message):
    done = ros2.run("interface", "show", f"pam_ros/msg/{message}")
    assert done.returncode == 0, done.stderr
    # Of those that are part of another message, one has no header of its own.
    field = "string[] labels" if message == "TokenGroup" else "std_msgs/Header header"
    assert field in done.stdout
    assert "#" in done.stdout


def test_messages_and_modules_share_one_python_package(ros2_python, workspace):
    done = ros2_python.python(
        "import pam_ros.msg, pam_ros.robot; "
        "print(pam_ros.msg.AttentionMap(tick=3).tick, pam_ros.robot.__file__)"
    )
    assert done.returncode == 0, done.stderr
    tick, module = done.stdout.split()
    assert tick == "3"
    assert Path(module).is_relative_to(workspace / "install")


def test_a_workspace_of_links_shows_an_edit_without_another_build(
    ros2_environment, built, tmp_path
):
    folder = build_workspace(ros2_environment, tmp_path, "--symlink-install")
    edited = ["cli.py", "robot/contract.py", "sim/scene.xml"]
    (place,) = folder.glob("install/pam_ros/**/pam_ros/cli.py")
    for name in edited:
        assert (place.parent / name).resolve() == folder / "src" / "pam_ros" / "pam_ros" / name
    environment = sourced(folder / "install" / "local_setup.bash", ros2_environment)
    done = subprocess.run(
        ["python3", "-c", "import pam_ros.robot, pam_ros.msg; print(pam_ros.msg.__file__)"],
        env=with_ros_python(environment), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert Path(done.stdout.strip()).is_relative_to(folder / "install"), done.stderr


def test_executables_are_found(ros2, workspace):
    listed = ros2.run("pkg", "executables", "pam_ros").stdout.split("\n")
    wanted = {"act_attention", "demo_robot", "pam_ros", "recorder"}
    assert wanted <= {line.split()[-1] for line in listed if line}


def test_the_command_is_on_path_once_the_workspace_is_sourced(ros2, workspace):
    done = ros2.command("bash", "-c", "command -v pam_ros && pam_ros --help")
    assert done.returncode == 0, done.stderr
    place, *text = done.stdout.splitlines()
    assert Path(place).is_relative_to(workspace / "install")
    assert "contract" in "\n".join(text)


def test_colcon_test_runs_pytest_and_says_what_is_missing(ros2, workspace):
    """The tests of two rooms; without the package that one of them needs, as on a new machine."""
    environment = with_ros_python(ros2.environment) | {
        "PYTEST_ADDOPTS": "-k 'robot or features'",
    }
    done = subprocess.run(
        ["colcon", "test", "--return-code-on-test-failure", "--event-handlers", "console_direct+"],
        env=environment, cwd=workspace, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = subprocess.run(
        ["colcon", "test-result", "--all"],
        env=environment, cwd=workspace, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    counts = re.search(r"pytest.xunit.xml: (\d+) tests, 0 errors, 0 failures", report.stdout)
    assert counts is not None, report.stdout
    assert int(counts.group(1)) > 50


NAV2 = {"params_file", "namespace", "use_sim_time", "log_level", "use_respawn"}


@pytest.mark.parametrize(
    ("name", "own", "not_taken"),
    [
        (
            "act_attention",
            {
                "policy",
                "contract",
                "autostart",
                "use_rviz",
                "rviz_config_file",
                "fixed_frame",
                "surface_height",
            },
            set(),
        ),
        ("sae_recorder", {"sae", "bag", "tokens_topic"}, set()),
        ("demo", {"policy", "seed", "bag", "autostart", "use_rviz"}, {"namespace"}),
        ("replay", {"bag", "policy", "contract", "autostart"}, {"use_sim_time"}),
    ],
)
def test_launch_files_explain_their_arguments_and_have_nav2s(ros2, workspace, name, own, not_taken):
    done = ros2.run("launch", "-s", "pam_ros", f"{name}.launch.py")
    assert done.returncode == 0, done.stderr
    explained = dict(re.findall(r"^    '(\w+)':\n        (.+)$", done.stdout, re.MULTILINE))
    assert own | NAV2 - not_taken <= set(explained)
    assert all(len(text.split()) > 2 for text in explained.values()), explained


PLAY = """
import runpy, sys
from launch import LaunchContext
from launch.utilities import perform_substitutions
file, contract, namespace, around = sys.argv[1:]
context = LaunchContext()
given = {"contract": contract, "namespace": namespace, "bag": "b", "rate": "1", "delay": "0"}
context.launch_configurations.update(given)
if around:
    context.launch_configurations["ros_namespace"] = around
(player,) = runpy.run_path(file)["play"](context)
print(*(perform_substitutions(context, word) for word in player.cmd))
"""


@pytest.mark.parametrize(
    ("namespace", "around", "full"),
    [
        ("", "", ""),
        ("left", "", "/left"),
        ("/left", "", "/left"),
        ("left", "house", "/house/left"),
        ("/left", "/house", "/left"),
    ],
)
def test_a_replay_in_a_namespace_plays_the_topics_that_its_node_reads(
    ros2, workspace, tmp_path, namespace, around, full
):
    """As launch_ros places the node: by the argument, in a group's namespace."""
    contract = tmp_path / "contract.yaml"
    topics = {"cameras": [{"topic": "top/image_raw"}, {"topic": "/shared/image_raw"}],
              "state": {"topic": "~/joints"}}  # fmt: skip
    contract.write_text(yaml.safe_dump(topics))
    file = ros2.share("pam_ros") / "launch" / "replay.launch.py"
    done = subprocess.run(
        ["python3", "-c", PLAY, str(file), str(contract), namespace, around],
        env=with_ros_python(ros2.environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("--topics ")[1].split() == [
        f"{full}/top/image_raw", "/shared/image_raw", f"{full}/act_attention/joints",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def launched(runnable, embedded, tmp_path_factory):
    """act_attention under ros2 launch, active; it sees the pictures of the embedded /near."""
    checkpoint = tmp_path_factory.mktemp("policy") / "act"
    made = runnable.command(sys.executable, str(HERE / "checkpoint.py"), str(checkpoint))
    assert made.returncode == 0, made.stderr
    process = runnable.start(
        "launch", "pam_ros", "act_attention.launch.py",
        f"policy:={checkpoint}", f"contract:={HERE / 'contract.yaml'}",
    )  # fmt: skip
    process.wait_for(lambda line: "ms per forward pass" in line, timeout=180)
    return process


def test_act_attention_explains_what_an_embedded_camera_shows(runnable, launched):
    """Camera and joints on the embedded runtime, the policy under ros2 launch, the map by echo."""
    ros2 = runnable
    topic = "/act_attention/attention"
    done = ros2.run(
        "topic", "echo", "--once", "--filter", "m.valid", "--full-length",
        topic, "pam_ros/msg/AttentionMap", timeout=120,
    )  # fmt: skip
    message = next(yaml.safe_load_all(done.stdout))
    (camera,) = message["cameras"]
    assert message["header"]["frame_id"] == camera["header"]["frame_id"] == "near_frame"
    assert camera["name"] == "front"
    assert (camera["image_height"], camera["image_width"]) == (480, 640)
    # By default it is the best map that this machine can make in time.
    grids = {"contribution": (6, 8), "token_contribution": (3, 4), "rollout": (3, 4)}
    assert (camera["rows"], camera["cols"]) == grids[message["method"]]
    shares = [camera["share"]]
    if message["method"] == "rollout":
        shares += [message["latent_share"], message["joint_state_share"]]
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    assert sum(camera["cells"]) == pytest.approx(camera["share"], abs=1e-5)
    text = ros2.until(
        lambda text: "Node name: act_attention" in text,
        "topic", "info", "-v", "--no-daemon", "--spin-time", "1", topic,
    )  # fmt: skip
    assert ros2.type_hash("pam_ros", "AttentionMap") in text
    overlay = ros2.run(
        "topic", "echo", "--once", "--no-arr", "/act_attention/attention/front/image",
        "sensor_msgs/msg/Image",
    )  # fmt: skip
    assert "height: 480" in overlay.stdout, overlay.stderr
    assert "frame_id: near_frame" in overlay.stdout


def test_ros2_lifecycle_leads_the_node_through_its_states(runnable, launched):
    ros2 = runnable
    ros2.until(lambda text: "active [3]" in text, "lifecycle", "get", "/act_attention")
    for change, state in (
        ("deactivate", "inactive [2]"),
        ("cleanup", "unconfigured [1]"),
        ("configure", "inactive [2]"),
        ("activate", "active [3]"),
    ):
        done = ros2.run("lifecycle", "set", "/act_attention", change, timeout=120)
        assert "Transitioning successful" in done.stdout, done.stdout + done.stderr
        assert state in ros2.run("lifecycle", "get", "/act_attention").stdout
    assert "/act_attention" in ros2.run("lifecycle", "nodes").stdout.split()


def test_ros2_param_describes_sets_and_refuses(runnable, launched):
    ros2 = runnable
    described = ros2.until(
        lambda text: "overlay_alpha" in text,
        "param", "describe", "/act_attention", "overlay_alpha", "engine",
    )  # fmt: skip
    assert "Min value: 0.0" in described
    assert "Max value: 1.0" in described
    assert "Read only: true" in described
    done = ros2.run("param", "set", "/act_attention", "overlay_alpha", "0.25")
    assert "successful" in done.stdout, done.stderr
    assert "0.25" in ros2.run("param", "get", "/act_attention", "overlay_alpha").stdout
    for name, value in (("overlay_alpha", "2.0"), ("engine", "compile"), ("jpeg_quality", "x")):
        done = ros2.run("param", "set", "/act_attention", name, value)
        assert "failed" in done.stdout + done.stderr, (name, done.stdout)
    dumped = yaml.safe_load(ros2.run("param", "dump", "/act_attention").stdout)
    assert dumped["/act_attention"]["ros__parameters"]["overlay_alpha"] == 0.25


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("contract:=nobody", "nobody"),
        ("policy:=2024", "2024"),  # a name, not a number
    ],
)
def test_act_attention_refuses_bad_arguments_in_one_sentence(
    runnable, tmp_path, argument, sentence
):
    given = {"policy": str(tmp_path), "contract": "so101_degrees"}
    name, value = argument.split(":=")
    given[name] = value
    done = runnable.run(
        "launch", "pam_ros", "act_attention.launch.py",
        *(f"{key}:={text}" for key, text in given.items()), timeout=180,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert sentence in output
    assert "exit code 1" in output
    assert "INTEGER" not in output
    assert "Traceback" not in output


def test_a_replay_of_a_contract_without_topics_ends_in_one_sentence(ros2, workspace, tmp_path):
    contract = tmp_path / "empty.yaml"
    contract.write_text("rate: 10\n")
    done = ros2.run(
        "launch", "pam_ros", "replay.launch.py", f"bag:={tmp_path}", f"policy:={tmp_path}",
        f"contract:={contract}", timeout=120,
    )  # fmt: skip
    assert f"{contract} names no topic: `pam_ros contract check {contract}` tells more" in (
        done.stdout + done.stderr
    )


def test_ros2_service_asks_for_a_transition_that_does_not_fit_and_the_node_stays(
    runnable, launched
):
    """A number, as lifecycle managers send it; rclpy itself would end the spin."""
    done = runnable.run(
        "service", "call", "/act_attention/change_state", "lifecycle_msgs/srv/ChangeState",
        "{transition: {id: 1}}",
    )  # fmt: skip
    assert "success=False" in done.stdout, done.stdout + done.stderr
    assert "active [3]" in runnable.run("lifecycle", "get", "/act_attention").stdout


def test_a_recording_is_whole_after_an_impatient_ctrl_c(runnable, embedded, tmp_path):
    topics = tmp_path / "topics.yaml"
    topics.write_text("topics: [/near/chatter, /near/picture]")
    recorder = runnable.start(
        "run", "pam_ros", "recorder", "--ros-args",
        "-p", f"bag:={tmp_path / 'bag'}", "-p", f"topics_file:={topics}",
    )  # fmt: skip
    for topic in ("/near/chatter", "/near/picture"):
        recorder.wait_for(lambda line, topic=topic: f"recording {topic} [" in line, timeout=90)
    time.sleep(2.0)
    for _ in range(3):
        os.killpg(recorder.popen.pid, signal.SIGINT)
        time.sleep(0.05)
    # The status after three Ctrl-C is that of ros2 run itself.
    recorder.stop()
    assert any("topics recorded" in line for line in recorder.lines), "\n".join(recorder.lines)
    info = runnable.run("bag", "info", str(tmp_path / "bag")).stdout
    counts = dict(re.findall(r"Topic: (\S+) .* Count: (\d+)", info))
    # Notes of people are listened to from the start; nobody made one.
    assert counts.pop("/act_attention/annotate") == "0"
    assert set(counts) == {"/near/chatter", "/near/picture"}
    assert all(int(count) >= 5 for count in counts.values()), info


def test_demo_launch_publishes_maps_that_move_the_arm(runnable, tmp_path):
    if not (ROOT / "models" / "demo_act").is_dir():
        pytest.skip("models/demo_act is not there: make train-demo writes it")
    if runnable.python("import mujoco").returncode:
        pytest.skip("the demo robot needs mujoco: pip install 'pam_ros[sim]'")
    bag = tmp_path / "demo"
    launched = runnable.start("launch", "pam_ros", "demo.launch.py", f"bag:={bag}")
    done = runnable.run(
        "topic", "echo", "--once", "--filter", "m.valid and m.chunk_executed",
        "/act_attention/attention", "pam_ros/msg/AttentionMap", timeout=240,
    )  # fmt: skip
    message = next(yaml.safe_load_all(done.stdout))
    assert {camera["name"] for camera in message["cameras"]} == {"top", "wrist"}
    assert launched.stop() == 0, "\n".join(launched.lines[-20:])
    info = runnable.run("bag", "info", str(bag)).stdout
    assert "Topic: /act_attention/attention | Type: pam_ros/msg/AttentionMap" in info
