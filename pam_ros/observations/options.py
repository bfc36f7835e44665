# SPDX-License-Identifier: Apache-2.0
"""The options that choose observations, the same for every command that takes some."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pam_ros.observations.errors import SourceError
from pam_ros.observations.find import find_recordings, is_dataset
from pam_ros.observations.reading import Reading
from pam_ros.policy.words import OPTION

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from pam_ros.observations.source import RecordedSource
    from pam_ros.policy.interface import Policy


_LOG = logging.getLogger(__name__)


def add_source_options(parser: argparse.ArgumentParser, simulator: str, *, required: bool) -> None:
    """--sim, --bag or --dataset, and what add_reading_options adds.

    Args:
        parser: of the command.
        simulator: the help of --sim.
        required: whether one of the three must be there.
    """
    source = parser.add_mutually_exclusive_group(required=required)
    source.add_argument("--sim", action="store_true", help=simulator)
    source.add_argument(
        "--bag",
        nargs="+",
        default=[],
        metavar="BAG",
        help="bags (folder, .mcap, .db3), folders of bags, patterns",
    )
    source.add_argument("--dataset", default="", help="a LeRobot dataset: its folder or hub id")
    add_reading_options(parser)


def add_instruction_option(parser: argparse.ArgumentParser, simulator: str = "") -> None:
    """--instruction.

    Args:
        parser: of the command.
        simulator: where nothing says it, as the help calls it.
    """
    default = "as recorded, else the policy's own" + (f", else {simulator}" if simulator else "")
    parser.add_argument(
        OPTION, default="", help=f"to a policy that reads words; default: {default}"
    )


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """--contract, --topic, --rename and --rate-hz."""
    add = parser.add_argument
    add("--contract", default="", help="YAML file or name; default: the shipped one that fits")
    add(
        "--topic",
        action="append",
        default=[],
        metavar="CONTRACT_TOPIC=BAG_TOPIC",
        help="where a bag has another name for a topic of the contract",
    )
    add(
        "--rename",
        action="append",
        default=[],
        metavar="FEATURE=POLICY_FEATURE",
        help="where a data set or the contract has another name for a feature of the policy",
    )
    add("--rate-hz", type=float, default=0.0, help="of bags: ticks by stamps at this rate")


def reading_of(options: argparse.Namespace, episodes: str = "") -> Reading:
    """What add_reading_options asks for.

    Raises:
        SourceError: a pair is none, or the rate is negative.
    """
    if not options.rate_hz >= 0:
        raise SourceError("--rate-hz must be 0 or more")
    return Reading(
        contract=options.contract,
        topics=_pairs("--topic", options.topic, "CONTRACT_TOPIC=BAG_TOPIC"),
        rename=_pairs("--rename", options.rename, "FEATURE=POLICY_FEATURE"),
        rate_hz=options.rate_hz,
        episodes=episodes,
    )


def open_recorded(
    options: argparse.Namespace, policy: Policy, episodes: int | None = None
) -> RecordedSource | None:
    """The bags or the data set of the options; None where they name neither.

    Args:
        options: that add_source_options asked for.
        policy: that the observations are for.
        episodes: how many, from the first; None for all.

    Raises:
        PamRosError: it cannot be read, or does not fit the policy.
    """
    reading = reading_of(options)
    if options.dataset:
        from pam_ros.observations.dataset import DatasetSource  # noqa: PLC0415  (lerobot)

        source = DatasetSource(policy, options.dataset, episodes, reading)
        for note in source.notes:
            _LOG.warning("%s", note)
        return source
    if not options.bag:
        return None
    from pam_ros.observations.bag import BagSource  # noqa: PLC0415

    return BagSource(policy, _bags(options.bag), reading, episodes)


def _bags(names: Sequence[str]) -> list[Path]:
    found, _ = find_recordings(names)
    for one in found:
        if one.is_dir() and is_dataset(one):
            raise SourceError(f"{one} is a LeRobot dataset: name it with --dataset")
    return found


def _pairs(option: str, entries: Sequence[str], form: str) -> dict[str, str]:
    pairs = {}
    for entry in entries:
        first, found, second = entry.partition("=")
        if not (first and found and second):
            raise SourceError(f"{option} '{entry}': write {form}")
        pairs[first] = second
    return pairs
