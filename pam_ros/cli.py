# SPDX-License-Identifier: Apache-2.0
"""The pam_ros command: one word per job, each with its own --help."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.share.commands import near
from pam_ros.share.errors import PamRosError
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Job(NamedTuple):
    """A sub-command.

    Attributes:
        module: where its main(argv) is; "module:function" names another function.
        needs_graph: whether it talks to a ROS graph.
        summary: what it does.
        graph_option: with this option it talks to a graph too.
        has_words: its first argument names a job of its own, as in `pam_ros sae train`.
        goes_on: how, if it was stopped; empty if it starts anew.
    """

    module: str
    needs_graph: bool
    summary: str
    graph_option: str | None = None
    has_words: bool = False
    goes_on: str = ""


_SAME = "; the same command goes on from here"

JOBS = {
    "ablate": Job(
        "pam_ros.ablation.main",
        False,
        "which inputs does the policy use?",
        goes_on="; with --out the same command goes on from here",
    ),
    "bag": Job("pam_ros.bags.main", False, "what is in a recording; repair one"),
    "contract": Job(
        "pam_ros.commands.contract", False, "write and check a robot's contract", "--live"
    ),
    "demo": Job("pam_ros.commands.demo", True, "simulated arm, policy and heatmaps, recorded"),
    "disable": Job("pam_ros.commands.robot:disable", True, "end the robot's commands"),
    "enable": Job("pam_ros.commands.robot:enable", True, "let the policy command the robot"),
    "export": Job(
        "pam_ros.export.main",
        False,
        "recordings as a LeRobot dataset to train on",
        has_words=True,
        goes_on=_SAME,
    ),
    "faithfulness": Job(
        "pam_ros.faithfulness.main",
        False,
        "does what the heat shows matter?",
        goes_on="; with --json the same command goes on from here",
    ),
    "features": Job("pam_ros.sae.browser.main", False, "what sparse features fire on, to look at"),
    "language": Job(
        "pam_ros.ablation.language.main",
        False,
        "does the policy read its words?",
        goes_on="; with --out the same command goes on from here",
    ),
    "layouts": Job("pam_ros.show.layouts.main", False, "layouts for RViz, rqt and Foxglove"),
    "live": Job("pam_ros.commands.live", True, "a web page of the running robot"),
    "param": Job("pam_ros.commands.param", True, "a node's parameters", has_words=True),
    "policy": Job(
        "pam_ros.policy.main", False, "what a checkpoint reads and shows", has_words=True
    ),
    "report": Job("pam_ros.show.report.main", False, "a recording as one page to look at"),
    "quantise": Job("pam_ros.commands.quantise", False, "a policy's int8 form, faster on a CPU"),
    "replay": Job(
        "pam_ros.replay.main",
        False,
        "recordings through a policy, as if it were live",
        goes_on=_SAME,
    ),
    "reset": Job("pam_ros.commands.robot:reset", True, "start an episode"),
    "run": Job("pam_ros.nodes.kit.run", True, "start one node, as `ros2 run pam_ros` does"),
    "sae": Job(
        "pam_ros.sae.main",
        False,
        "sparse features: collect tokens, train, measure",
        has_words=True,
        goes_on=_SAME,
    ),
    "sim": Job("pam_ros.commands.sim", True, "demo robot: record, train, evaluate", has_words=True),
    "topics": Job("pam_ros.commands.topics", True, "what is on the graph"),
    "video": Job("pam_ros.show.video.main", False, "a recording as an mp4"),
    "view": Job("pam_ros.commands.view", False, "a bag or the running robot in Rerun", "--live"),
}

STOPPED = 130
"""Status of a job that Ctrl-C ended, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one job; returns its exit status.

    What a user can mend ends in its sentence and status 1, Ctrl-C in status 130.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help"}:
        _usage(sys.stdout.write)
        return 0
    if arguments[0] == "--version":
        sys.stdout.write(f"pam_ros {_version()}\n")
        return 0
    word, rest = arguments[0], arguments[1:]
    if word not in JOBS:
        sys.stderr.write(f"pam_ros: '{word}' is not one of {', '.join(JOBS)}{near(word, JOBS)}\n")
        return 1
    job = JOBS[word]
    if job.needs_graph or job.graph_option in rest:
        problem = _provide_rclpy()
        if problem:
            sys.stderr.write(f"pam_ros: {problem}\n")
            return 1
    try:
        module, _, function = job.module.partition(":")
        run: Callable[[Sequence[str]], int]
        run = getattr(importlib.import_module(module), function or "main")
        return run(rest)
    except KeyboardInterrupt:
        sys.stderr.write(f"\npam_ros {_name(word, rest)}: stopped{job.goes_on}\n")
        return STOPPED
    except PamRosError as error:
        return _fail(word, rest, error)
    except OSError as error:
        # Of a file that a user has named. What a node meets on its way needs its traceback.
        if job.needs_graph:
            raise
        return _fail(word, rest, error)


def _version() -> str:
    try:
        return importlib.metadata.version("pam_ros")
    except importlib.metadata.PackageNotFoundError:  # a workspace may have no such file
        found = re.search(
            "<version>(.*)</version>", (share_directory() / "package.xml").read_text()
        )
        return "of an unknown version" if found is None else found[1]


def _name(word: str, rest: Sequence[str]) -> str:
    return f"{word} {rest[0]}" if JOBS[word].has_words and rest else word


def _fail(word: str, rest: Sequence[str], error: Exception) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"pam_ros {_name(word, rest)}: {error}\n")
    return 1


def _usage(write: Callable[[str], object]) -> None:
    write("usage: pam_ros JOB [...]\n\n")
    for word, job in JOBS.items():
        write(f"  {word:12} {job.summary}\n")
    write("\npam_ros JOB --help explains a job; pam_ros --version says which pam_ros it is.\n")


def _provide_rclpy() -> str | None:
    """Puts the embedded runtime in place where there is no ROS 2; a sentence where that fails."""
    from rclpy_cyclone import install  # noqa: PLC0415  (ROS 2 users never load it)

    try:
        install(interfaces={"pam_ros": share_directory() / "msg"})
    except ImportError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
