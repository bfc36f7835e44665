# SPDX-License-Identifier: Apache-2.0
"""`pam_ros contract`: write a robot's contract, and find what is wrong with it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pam_ros.commands.contract_init import DESCRIPTION as INIT
from pam_ros.commands.contract_init import add_arguments, init
from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.explain import explain
from pam_ros.robot.units import CONFIRM, check_units
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract
from pam_ros.share.working import working

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pam_ros.policy.interface import FeatureStatistics, PolicySpec
    from pam_ros.robot.contract import Contract

DESCRIPTION = """Reads a contract and lists every problem at once: of the file, with a checkpoint
(--policy: features, sizes, and units against its training data), and with what the running graph
publishes (--live). Says what feeds what, and ends with status 1 if there is a problem."""


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros contract ...`; returns the exit status."""
    parser = Parser(prog="pam_ros contract", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    check = jobs.add_parser(
        "check", help="explain it and find what is wrong", description=DESCRIPTION
    )
    check.add_argument("file", help="YAML file, or the name of one in config/robots")
    check.add_argument("--policy", help="LeRobot checkpoint: a folder or a hub repository")
    check.add_argument("--live", action="store_true", help="listen to the graph as well")
    check.add_argument("--seconds", type=_seconds, default=5.0, help="to listen for (default 5)")
    draft = jobs.add_parser(
        "init", help="write a first one for a policy and a robot", description=INIT
    )
    add_arguments(draft, _seconds)
    options = parser.parse_args(argv)
    return init(options, _spec) if options.job == "init" else _check(options)


def _check(options: argparse.Namespace) -> int:
    contract = load_contract(find_contract(options.file))
    wrong = False
    if options.policy:
        spec = _spec(options.policy)
        contract = contract.bind(spec)
        _say(explain(contract))
        wrong = _units_are_wrong(contract, spec.statistics)
        if not wrong:
            sys.stdout.write(f"it fits {options.policy}\n")
    else:
        _say(explain(contract))
    if options.live:
        return max(_check_live(contract, options), int(wrong))
    return int(wrong)


def _units_are_wrong(contract: Contract, statistics: Mapping[str, FeatureStatistics]) -> bool:
    """Say what the policy's training data say of the units; whether the contract has to change."""
    report = check_units(contract, statistics)
    _say(f"note: {note}" for note in report.notes)
    if not report.contradictions:
        return False
    if contract.units_confirmed:
        _say(f"note: {each}; units_confirmed" for each in report.contradictions)
        return False
    sys.stdout.flush()
    lines = "".join(f"\n  - {each}" for each in report.contradictions)
    sys.stderr.write(f"pam_ros contract: the units look wrong; {CONFIRM}:{lines}\n")
    return True


def _check_live(contract: Contract, options: argparse.Namespace) -> int:
    from pam_ros.nodes.tools.contract_listener import check_graph  # noqa: PLC0415  (needs rclpy)

    with working(f"listening for {options.seconds:g} s"):
        notes, problems = check_graph(contract, options.seconds)
    _say(notes)
    if problems:
        sys.stdout.flush()
        lines = "".join(f"\n  - {problem}" for problem in problems)
        sys.stderr.write(f"pam_ros contract: the graph does not keep to it:{lines}\n")
        return 1
    sys.stdout.write("the graph keeps to it\n")
    return 0


def _spec(policy: str) -> PolicySpec:
    from pam_ros.policy import load_policy  # noqa: PLC0415  (loads torch)

    with working(f"loading {policy}"):
        return load_policy(policy, device="cpu", engine="eager").spec


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("must be above 0 and at most 3600")
    return seconds
