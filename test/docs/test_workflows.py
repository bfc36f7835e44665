# SPDX-License-Identifier: Apache-2.0
"""The workflow files say what they shall: which systems, and commands that exist here."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
ROS = ROOT / ".github" / "workflows" / "ros2.yaml"
PIP = ROOT / ".github" / "workflows" / "pip.yaml"


def read(file):
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def commands(job):
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_has_the_keys_that_github_asks_for(file):
    content = read(file)
    # YAML 1.1 reads the key `on` as true.
    assert set(content) <= {"name", True, "permissions", "concurrency", "jobs", "env"}
    assert set(content[True]) <= {"push", "pull_request", "schedule", "workflow_dispatch"}
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert set(job) <= {
            "name", "runs-on", "container", "strategy", "steps", "timeout-minutes", "env",
            "defaults", "continue-on-error",
        }  # fmt: skip
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert set(step) <= {"name", "uses", "run", "with", "env", "shell", "if"}
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_expression_of_a_matrix_is_one_of_its_keys(file):
    for job in read(file)["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        keys = {key for key in matrix if key != "include"}
        keys |= {key for entry in matrix.get("include", []) for key in entry}
        assert set(re.findall(r"\$\{\{ matrix\.(\w+) \}\}", yaml.safe_dump(job))) <= keys


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_file_and_make_target_of_a_workflow_exists(file):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for job in read(file)["jobs"].values():
        text = commands(job)
        for target in re.findall(r"^\s*make (\w+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for path in re.findall(r"(?:^|[\s/])((?:\.ci|scripts|src/pam_ros)/[\w./-]+)", text):
            assert (ROOT / path.removeprefix("src/pam_ros/")).exists(), path


def test_ros_is_tried_on_the_three_distributions():
    (job,) = read(ROS)["jobs"].values()
    found = {entry["distribution"] for entry in job["strategy"]["matrix"]["include"]}
    assert found == {"jazzy", "kilted", "lyrical"}
    assert job["container"] == "ros:${{ matrix.distribution }}-ros-base"
    for command in ("rosdep install", "colcon build", "colcon test", "colcon test-result"):
        assert command in commands(job)


def test_the_page_of_the_installation_does_what_is_tried_in_that_order():
    (job,) = read(ROS)["jobs"].values()
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    steps = (
        "python3-venv python3-dev gcc g++",
        "rosdep update",
        "rosdep install --from-paths src --ignore-src -y",
        "/usr/bin/python3 -m venv --system-site-packages venv",
        "touch venv/COLCON_IGNORE",
        "-r src/pam_ros/requirements.txt",
        "colcon build",
    )
    for text in (commands(job), re.search(r"## Jazzy and Kilted\n(.*?)\n- ", page, re.DOTALL)[1]):
        places = [text.index(step) for step in steps]
        assert places == sorted(places)


def test_the_tests_of_a_ray_cluster_run_in_every_workflow():
    """They fail where Ray is missing, but under colcon, which skips them with a word."""
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (test,) = re.findall(r"^test = \[(.*?)^\]", extras, re.MULTILINE | re.DOTALL)
    assert re.search(r"pam_ros\[[\w,]*\bcluster\b", test)
    assert re.search(r"-e '\.\[[\w,]*\btest\b", (ROOT / "Makefile").read_text(encoding="utf-8"))
    (wanted,) = re.findall(r'^cluster = \["(.*)"\]', extras, re.MULTILINE)
    (job,) = read(ROS)["jobs"].values()
    assert f"'{wanted}'" in commands(job)


def test_pip_alone_is_tried_with_both_lerobots():
    (job,) = read(PIP)["jobs"].values()
    assert {"3.11", "3.13"} <= set(job["strategy"]["matrix"]["python"])
    assert ".ci/run" in commands(job)
