# SPDX-License-Identifier: Apache-2.0
"""`pam_ros enable`, `disable` and `reset`: the services of act_attention, from a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from std_srvs.srv import SetBool, Trigger

from pam_ros.commands.graph import add_seconds, visit
from pam_ros.robot.topics import NODE
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


def enable(argv: Sequence[str]) -> int:
    """Let the node command the robot; status 1 if it refuses."""
    return _ask("enable", "Lets the node command the robot: it moves.", argv, True)


def disable(argv: Sequence[str]) -> int:
    """Let the node command nothing more; status 1 if it refuses."""
    return _ask("disable", "Ends the node's commands; it goes on looking.", argv, False)


def reset(argv: Sequence[str]) -> int:
    """Start an episode; status 1 if the node refuses."""
    return _ask("reset", "Starts an episode: what is planned is dropped.", argv, None)


def _ask(word: str, description: str, argv: Sequence[str], wanted: bool | None) -> int:
    parser = Parser(prog=f"pam_ros {word}", description=description)
    parser.add_argument("--node", default=NODE, help=f"its full name, {NODE}")
    parser.add_argument(
        "--service", default="", help="full name of its service, where that is remapped"
    )
    add_seconds(parser)
    options = parser.parse_args(argv)
    kind: Any = Trigger if wanted is None else SetBool
    request = kind.Request() if wanted is None else kind.Request(data=wanted)
    name = f"/{options.node.strip('/')}/{'reset' if wanted is None else 'enable'}"
    if options.service:
        name = f"/{options.service.strip('/')}"
    with visit(options.timeout) as graph:
        answer = graph.call(kind, name, request)
    done = bool(answer.success)
    words = answer.message or ("done" if done else "refused")
    whose = options.service or options.node
    (sys.stdout if done else sys.stderr).write(f"{whose}: {words}\n")
    return 0 if done else 1
