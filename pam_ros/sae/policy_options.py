# SPDX-License-Identifier: Apache-2.0
"""The policy of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.share.folders import share_directory
from pam_ros.share.working import working

if TYPE_CHECKING:
    import argparse

    from pam_ros.policy.interface import Policy


def add_policy_options(parser: argparse.ArgumentParser, shipped: str = "demo_act") -> None:
    """--policy, --device and --threads.

    Args:
        parser: takes them.
        shipped: which of the policies in models/ stands in where none is named.
    """
    parser.add_argument(
        "--policy",
        default=str(share_directory() / "models" / shipped),
        help=f"checkpoint folder or hub id; default: the demo policy, models/{shipped}",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    add_threads_option(parser)


def add_threads_option(parser: argparse.ArgumentParser) -> None:
    """--threads."""
    parser.add_argument("--threads", type=int, default=0, help="of torch on the CPU; 0: its choice")


def set_threads(options: argparse.Namespace) -> None:
    """Do what --threads says."""
    import torch  # noqa: PLC0415  (slow to load)

    if options.threads > 0:
        torch.set_num_threads(options.threads)


def open_policy(options: argparse.Namespace) -> Policy:
    """The policy that add_policy_options named.

    Raises:
        PolicyError: it cannot be loaded.
    """
    from pam_ros.policy import load_policy  # noqa: PLC0415  (slow to load)

    set_threads(options)
    with working(f"loading {options.policy}"):
        return load_policy(options.policy, device=options.device)
