# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: everything that parses what others send.

A target is made in the process that fuzzes, and then called with bytes. It returns where the parser
took them or refused them with its room's own exception; any other exception is a finding. Folders
are made in memory, on /dev/shm where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import file_parsers as files
from . import message_parsers as messages

if TYPE_CHECKING:
    from collections.abc import Callable

    Parse = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """A parser under test.

    make: imports what is needed and returns the function to call; only it is timed. runs: inputs
    of a recorded run, at least. longest: bytes of an input, at most. instrument: modules whose
    branches guide the search.
    """

    name: str
    what: str
    make: Callable[[], Parse]
    runs: int
    longest: int
    instrument: tuple[str, ...]


MILLION, MANY = 1_000_000, 100_000
OURS = ("rclpy_cyclone", "pam_ros.robot", "pam_ros.bags", "pam_ros.sae", "pam_ros.policy")
TARGETS = {
    target.name: target
    for target in (
        Target("cdr", "CDR of ten types, rclpy_cyclone/", messages.cdr, MILLION, 600, OURS),
        Target("image", "Image to RGB", messages.image, MILLION, 200, OURS),
        Target(
            "compressed_image", "JPEG, PNG to RGB", messages.compressed_image, MILLION, 1200, OURS
        ),
        Target("joints", "JointState, CDR to vectors", messages.joints, MILLION, 400, OURS),
        Target("synchroniser", "stamps and clocks", messages.synchroniser, MILLION, 48, OURS),
        Target("contract_yaml", "contract, text", files.contract_yaml, MILLION, 160, OURS),
        Target("contract_fields", "contract, fields", files.contract_fields, MILLION, 300, OURS),
        Target("urdf", "a robot description", files.urdf, MILLION, 400, OURS),
        Target("checkpoint", "a policy's JSON and header", files.checkpoint, MANY, 2000, OURS),
        Target("sae", "an SAE's folder", files.sae, MANY, 1000, OURS),
        Target("token_store", "a token store's folder", files.token_store, MANY, 1000, OURS),
        Target("bag_mcap", "mcap, read and repaired", files.bag("mcap"), MANY, 4000, OURS),
        Target(
            "bag_sqlite", "sqlite3, read and repaired", files.bag("sqlite3"), MANY, 16_000, OURS
        ),
        Target("bag_metadata", "metadata.yaml", files.bag_metadata, MANY, 1500, OURS),
    )
}
