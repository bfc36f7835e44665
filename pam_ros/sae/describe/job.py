# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae describe`: what every feature fires on, as features.parquet and features.json."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.observations.options import add_instruction_option
from pam_ros.sae.errors import SaeError
from pam_ros.sae.policy_options import add_policy_options, open_policy, set_threads
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str]) -> None:
    """Parse, describe, write."""
    parser = Parser(
        prog="pam_ros sae describe",
        description="Describe each feature of an SAE. Joints need a store with observations.",
    )
    parser.add_argument("--sae", type=Path, required=True, help="folder")
    parser.add_argument("--data", type=Path, required=True, help="store of tokens")
    parser.add_argument("--out", type=Path, required=True, help="folder for both files")
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="SAEs of other seeds")
    parser.add_argument("--frames", type=int, default=16, help="to keep per feature")
    parser.add_argument(
        "--actions", action="store_true", help="run the policy for its actions; joints come anyway"
    )
    parser.add_argument("--names", nargs="*", default=[], help="of the joints")
    add_policy_options(parser)
    add_instruction_option(parser)
    options = parser.parse_args(argv)

    from pam_ros.sae.describe.descriptions import describe, matches  # noqa: PLC0415  (torch)
    from pam_ros.sae.describe.file import write_descriptions  # noqa: PLC0415
    from pam_ros.sae.describe.signals import JointSignals  # noqa: PLC0415
    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    set_threads(options)
    if options.frames < 1:
        raise SaeError("--frames must be at least 1")
    store = TokenStore(options.data)
    info = store.info
    sae = load_sae(options.sae, policy_sha256=info.policy_sha256, layer=info.layer)
    names = [folder.name for folder in options.others]
    others = {
        folder.name if names.count(folder.name) == 1 else str(folder): matches(
            sae, load_sae(folder, policy_sha256=info.policy_sha256, layer=info.layer)
        )
        for folder in options.others
    }
    signals = None
    if store.info.keeps_observations:
        policy = open_policy(options) if options.actions else None
        signals = JointSignals(store, options.names, policy, options.instruction)
    elif options.actions:
        raise SaeError(f"{store.folder} keeps no observations: collect with --observations")
    found = describe(sae, store, frames=options.frames, signals=signals)
    paths = write_descriptions(options.out, found, sae, store.info, others)
    sys.stdout.write(f"{' and '.join(map(str, paths))}: {sae.cfg.d_sae} features\n")
