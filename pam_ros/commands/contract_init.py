# SPDX-License-Identifier: Apache-2.0
"""`pam_ros contract init`: a first contract, from the policy and from what the robot publishes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.commands.contract_seen import see_bag, see_graph
from pam_ros.observations.names import vector_names
from pam_ros.robot.contract_file import parse_contract
from pam_ros.robot.draft import Seen, draft_contract
from pam_ros.robot.errors import ContractError
from pam_ros.robot.section import parse_yaml
from pam_ros.share.whole_file import replace_file
from pam_ros.share.working import working

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pam_ros.policy.interface import PolicySpec

DESCRIPTION = """Writes a contract for a policy on a robot: which topic, joint and unit feeds what,
from the policy's statistics and from a recording (--bag) or the running graph (--live). Each guess
has its reason beside it. What it cannot know is the word FILL_IN, and `pam_ros contract check`
names each of these lines. Without --bag and --live all topics are to be filled in."""


def add_arguments(parser: argparse.ArgumentParser, seconds: Callable[[str], float]) -> None:
    """The options of `contract init`; seconds: reads a number of seconds."""
    parser.add_argument("--policy", required=True, help="a folder, or a model of the hub")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bag", help="a recording of the robot: cameras, joints, commands")
    source.add_argument("--live", action="store_true", help="listen to the running graph")
    parser.add_argument(
        "--dataset", help="folder of the training data, whose meta/info.json names joints and rate"
    )
    parser.add_argument("--robot", help="its name in the contract (default: the file's)")
    parser.add_argument("--out", default="my_robot.yaml", help="file (default my_robot.yaml)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument(
        "--seconds", type=seconds, default=5.0, help="to listen for with --live (default 5)"
    )


def init(options: argparse.Namespace, spec_of: Callable[[str], PolicySpec]) -> int:
    """Write the contract; returns the exit status.

    Args:
        options: as parsed.
        spec_of: loads a policy's spec.

    Raises:
        ContractError: the file is there already, or cannot be written.
        BagError: the recording cannot be read.
        GraphError: nothing is on the graph.
    """
    out = Path(options.out)
    if out.exists() and not options.force:
        message = f"{out} is there already: --force writes over it, --out takes another name"
        raise ContractError(message)
    if not out.parent.is_dir():
        raise ContractError(f"the folder {out.parent} does not exist")
    names, rate = _of_dataset(options.dataset) if options.dataset else ([], None)
    spec = spec_of(options.policy)
    draft = draft_contract(spec, _seen(options), options.robot or out.stem, names, rate)
    replace_file(out, draft.text.encode(), ContractError)
    sys.stdout.write(
        f"{out} is written: {_count(draft.guesses, 'guess', 'guesses')} to look at, "
        f"{_count(len(draft.gaps), 'line', 'lines')} to fill in\n"
    )
    for gap in draft.gaps:
        sys.stdout.write(f"  fill in {gap}\n")
    if not draft.gaps:
        _check(draft.text, out, spec)
    live = " --live" if options.live else ""
    sys.stdout.write(f"then: pam_ros contract check {out} --policy {options.policy}{live}\n")
    return 0


def _seen(options: argparse.Namespace) -> Seen:
    if options.bag:
        with working(f"reading {options.bag}"):
            return see_bag(options.bag)
    if options.live:
        return see_graph(options.seconds)
    return Seen("the policy alone", [])


def _check(text: str, out: Path, spec: PolicySpec) -> None:
    """Say what is wrong with a contract without gaps: the policy and the robot do not fit."""
    try:
        parse_contract(parse_yaml(text, str(out)), str(out), out.parent).bind(spec)
    except ContractError as error:
        sys.stdout.write(f"{error}\n")


def _of_dataset(name: str) -> tuple[list[str], float | None]:
    """The names of the state's numbers, and the rate [Hz], of a LeRobot data set's folder.

    Raises:
        ContractError: it is none.
    """
    path = Path(name).expanduser() / "meta" / "info.json"
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        feature = info["features"].get("observation.state") or info["features"]["action"]
        names = vector_names(feature.get("names"))
        rate = float(info["fps"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"--dataset {name} is no folder of a LeRobot data set: meta/info.json: {error}"
        raise ContractError(message) from error
    return list(names), rate


def _count(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
