# SPDX-License-Identifier: Apache-2.0
"""`pam_ros quantise`: the int8 form of a policy, for `dtype: int8` on a CPU.

The ranges of its numbers are measured on observations of its own robot, without labels: from bags,
a LeRobot dataset, or the simulator's expert for the demo policy. Nothing is written into the
checkpoint; the form goes where the node looks for it, under ~/.cache/pam_ros/int8.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.observations.errors import SourceError
from pam_ros.observations.options import add_source_options, open_recorded
from pam_ros.policy.interface import PolicyError
from pam_ros.share.commands import Parser
from pam_ros.share.folders import share_directory
from pam_ros.share.working import working

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.observations.source import RecordedSource
    from pam_ros.policy.interface import Policy

    Observation = Mapping[str, NDArray[Any]]

_TICKS = (0, 4, 8, 12)
"""Of the simulator's episodes: from the start of a reach to its end."""


def main(argv: Sequence[str]) -> int:
    """Make the form, and print how far it is from float32; returns the exit status."""
    options = _parser().parse_args(argv)
    from pam_ros.policy import load_policy  # noqa: PLC0415  (torch takes seconds)
    from pam_ros.policy.engines.quantise import (  # noqa: PLC0415
        FEWEST,
        check_quantisable,
        quantise,
    )

    if options.observations < FEWEST:
        message = f"--observations {options.observations} must be at least {FEWEST}"
        raise PolicyError(message)
    with working(f"loading {options.policy}"):
        policy = load_policy(options.policy, device="cpu", engine="eager")
    check_quantisable(policy)
    source, observations = _observations(options, policy)
    sys.stdout.write(f"{len(observations)} observations of {source}\n")
    sys.stdout.flush()
    done = quantise(policy, observations, source, Path(options.out) if options.out else None)
    sys.stdout.write(
        f"{done.path}\nint8 against float32, on observations kept for that: actions differ by up "
        f"to {done.chunk_error:.2g} (normalised units), attention weights by up to "
        f"{done.attention_error:.2g}\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros quantise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    add_source_options(parser, "the demo arm, driven by its expert", required=True)
    parser.add_argument(
        "--observations", type=int, default=64, help="how many, evenly over all; default 64"
    )
    parser.add_argument(
        "--out",
        default="",
        help="write to this file instead, to copy to ~/.cache/pam_ros/int8 of a robot",
    )
    return parser


def _observations(options: argparse.Namespace, policy: Policy) -> tuple[str, list[Observation]]:
    """In words what they are, and they."""
    source = open_recorded(options, policy)
    if source is None:
        return "the demo arm, driven by its expert", list(_simulated(options.observations, policy))
    places = _places(source, options.observations)
    return source.dataset, [frame.observation for frame in source.chosen(places)]


def _places(source: RecordedSource, count: int) -> list[tuple[int, int]]:
    """Evenly over all frames of all episodes."""
    lengths = source.lengths()
    frames = [(episode, frame) for episode in lengths for frame in range(lengths[episode])]
    if not frames:
        raise SourceError(f"{source.dataset}: there is no observation to measure ranges on")
    wanted = min(count, len(frames))
    return [frames[index * len(frames) // wanted] for index in range(wanted)]


def _simulated(count: int, policy: Policy) -> Iterator[Observation]:
    from pam_ros.faithfulness.simulator_probes import scene_fits  # noqa: PLC0415  (MuJoCo)
    from pam_ros.observations.simulator import ExpertDriver, drive  # noqa: PLC0415
    from pam_ros.sim.scene import TRAINING_SEEDS, Scene  # noqa: PLC0415

    scene_fits(policy.spec)
    with Scene() as scene:
        for index in range(count):
            tick = _TICKS[index % len(_TICKS)]
            frames = drive(
                scene, TRAINING_SEEDS[index], ExpertDriver(), tick.__eq__, over=lambda _: False
            )
            yield next(frames).observation
