# SPDX-License-Identifier: Apache-2.0
"""What SECURITY.md promises of the whole package; each room's tests hold the rest."""

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for package in ("pam_ros", "rclpy_cyclone") for path in (ROOT / package).rglob("*.py")
)

# Modules that make objects, and so run code, out of bytes.
UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
# The one place that executes text: decoders made from message definitions.
EXECUTES = {"rclpy_cyclone/types/cdr.py"}
# What asks the hub, and is called only with a name that the user gave.
DOWNLOADS = {"snapshot_download", "hf_hub_download", "urlopen", "urlretrieve"}


def calls(path):
    """Calls in a file: the name called, its keywords, and the call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: k.value for k in node.keywords}, node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled_evaluated_or_run_in_a_shell(path):
    name = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        assert not UNPICKLING & {module.split(".")[0] for module in modules}, name
    for called, keywords, node in calls(path):
        where = f"{name}:{node.lineno}"
        if called in {"eval", "exec"}:
            assert name in EXECUTES, where
        if called == "torch.load":
            assert ast.unparse(keywords["weights_only"]) == "True", where
        if called == "np.load":
            assert "allow_pickle" not in keywords, where
        if called in {"yaml.load", "yaml.load_all"}:
            loader = ast.unparse(keywords.get("Loader") or node.args[1])
            # A loader of its own is one of yaml's safe ones.
            text = path.read_text(encoding="utf-8")
            assert loader == "yaml.SafeLoader" or f"class {loader}(yaml.SafeLoader)" in text, where
        assert called not in {"os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}, where
        assert "shell" not in keywords, where


def test_only_the_policy_room_asks_the_hub():
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for called, _, _ in calls(path)
        if called.rpartition(".")[2] in DOWNLOADS
    }
    assert asking == {"pam_ros/policy/checkpoint.py"}


def test_servers_of_pages_bind_to_this_machine():
    bound = []
    for path in SOURCES:
        for called, keywords, _ in calls(path):
            bound += [ast.literal_eval(v) for k, v in keywords.items() if k == "server_name"]
            if called.endswith(".launch"):
                assert ast.unparse(keywords["share"]) == "False"
        text = path.read_text(encoding="utf-8")
        assert "0.0.0.0" not in text
        if '"--bind"' in text:
            assert '"--bind", "127.0.0.1"' in text
    assert bound == ["127.0.0.1"]


NO_NETWORK = """
import socket
tried = []

def refuse(self, address):
    if self.family != socket.AF_UNIX:
        tried.append(address)
        raise OSError(f"a connection to {address}")
    return connect(self, address)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refuse
import numpy as np
from pam_ros.policy import load_policy
policy = load_policy("models/demo_act", engine="eager")
spec = policy.spec
images = {c.feature: np.zeros((c.height, c.width, 3), np.uint8) for c in spec.cameras}
policy.step({**images, spec.state_feature: np.zeros(spec.state_dim, np.float32)})
print("tried", tried)
"""


def test_a_policy_in_a_folder_is_loaded_and_run_without_a_connection():
    import lerobot  # noqa: F401  (where it is missing, `colcon test` skips this)

    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.strip() == "tried []", done.stderr[-800:]


def test_a_node_is_heard_on_this_machine_alone_unless_it_is_told_otherwise(monkeypatch):
    from rclpy_cyclone.dds.discovery import Discovery

    for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS"):
        monkeypatch.delenv(name, raising=False)
    local = Discovery.from_environment().config()
    assert 'name="lo"' in local or ">lo<" in local
    assert "127.0.0.1" in local
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    assert Discovery.from_environment().config() != local
    assert socket.gethostbyname("localhost").startswith("127.")
