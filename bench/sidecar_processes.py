# SPDX-License-Identifier: Apache-2.0
"""A sae_recorder and a source of tokens for it, each a process, in a DDS domain of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
FEATURES_TOPIC = "/sae_recorder/features"
MAP_TOPICS = ("/act_attention/attention", "/joint_commands")
"""What the source publishes beside the tokens."""


def own_domain() -> None:
    """Put this process and those that it starts on loopback, away from others."""
    os.environ["ROS_DOMAIN_ID"] = str(10 + os.getpid() % 90)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def node_arguments(parameters: Mapping[str, object]) -> list[str]:
    """`--ros-args -p key:=value ...`; several texts are a list."""
    given = ["--ros-args"]
    for key, value in parameters.items():
        text = list(value) if isinstance(value, tuple) else value
        given += ["-p", f"{key}:={text}"]
    return given


def start_sidecar(parameters: Mapping[str, object], **options: Any) -> subprocess.Popen[str]:
    """`pam_ros run sae_recorder`. options: of Popen."""
    command = [sys.executable, "-m", "pam_ros.cli", "run", "sae_recorder"]
    return subprocess.Popen([*command, *node_arguments(parameters)], cwd=ROOT, text=True, **options)


def start_source(rate: float, seconds: float, tokens: int, width: int) -> subprocess.Popen[str]:
    """bench.token_source; its stdout is piped."""
    given = {"rate": rate, "seconds": seconds, "tokens": tokens, "width": width}
    command = [sys.executable, "-m", "bench.token_source"]
    for name, value in given.items():
        command += [f"--{name}", str(value)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
