# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae eval`: held-out measures of SAEs, as a table and as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.observations.options import add_instruction_option
from pam_ros.sae.errors import SaeError
from pam_ros.sae.policy_options import add_policy_options, open_policy, set_threads
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.evaluate.recovered import Edit, Recovered
    from pam_ros.sae.store.token_store import TokenStore


def run(argv: Sequence[str]) -> None:
    """Parse, measure, print, write JSON."""
    options = _parser().parse_args(argv)

    from pam_ros.sae.disk import load_sae  # noqa: PLC0415  (torch)
    from pam_ros.sae.evaluate.measures import DEAD_TOKENS, measure  # noqa: PLC0415
    from pam_ros.sae.store.manifest import replace_file  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    set_threads(options)
    stores = [TokenStore(folder) for folder in options.data]
    info = stores[0].info
    rows = sum(store.rows for store in stores)
    names = [folder.name for folder in options.sae]
    saes = {
        folder.name if names.count(folder.name) == 1 else str(folder): load_sae(
            folder,
            policy_sha256=info.policy_sha256,
            layer=info.layer,
            width=info.width,
            sampler=info.sampler,
        )
        for folder in options.sae
    }
    results: dict[str, dict[str, Any]] = {}
    for name, sae in saes.items():
        measures = measure(sae, stores)
        results[name] = {
            "architecture": sae.cfg.architecture,
            "d_sae": sae.cfg.d_sae,
            "sha256": sae.sha256,
            "training": dict(sae.cfg.training),
            **asdict(measures),
        }
    recovered = _recovered(options, stores, saes, results) if options.action_frames else None
    if recovered is not None:
        for name in saes:
            results[name]["recovered_action"] = recovered.share[name]
            results[name]["pca_recovered_action"] = recovered.share.get(f"pca of {name}")
            results[name]["action_frames"] = recovered.frames
    sys.stdout.write(
        f"{rows} tokens of {sum(store.frames for store in stores)} frames: "
        f"{'; '.join(store.info.dataset for store in stores)}\n"
    )
    sys.stdout.write(_table(results))
    if rows < DEAD_TOKENS:
        sys.stdout.write(
            f"dead: of {rows} tokens; features rarer than one in {rows} count as dead "
            f"({DEAD_TOKENS} tokens are the measure)\n"
        )
    if options.json:
        content = {"held_out": [asdict(store.info) for store in stores], "results": results}
        replace_file(options.json, (json.dumps(content, indent=1) + "\n").encode())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros sae eval", description="Measure SAEs on tokens of held-out episodes."
    )
    parser.add_argument("--sae", type=Path, nargs="+", required=True, help="folders")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="stores of held-out tokens"
    )
    add_policy_options(parser)
    add_instruction_option(parser)
    parser.add_argument(
        "--action-frames",
        type=int,
        default=300,
        help="frames for the recovered action, kept by collect --observations; 0 for none",
    )
    parser.add_argument("--json", type=Path, help="write the measures to this file")
    return parser


def _recovered(
    options: argparse.Namespace,
    stores: Sequence[TokenStore],
    saes: dict[str, SAE],
    results: dict[str, dict[str, Any]],
) -> Recovered:
    from pam_ros.sae.evaluate.measures import principal  # noqa: PLC0415
    from pam_ros.sae.evaluate.recovered import by_principal, by_sae, recovered_action  # noqa: PLC0415

    stats = next((sae.stats for sae in saes.values() if sae.stats is not None), None)
    if stats is None:
        raise SaeError(
            "no SAE here has its training tokens' statistics, which the recovered action is "
            "measured against: --action-frames 0 leaves it out"
        )
    edits: dict[str, Edit] = {}
    by_rank: dict[int, str] = {}
    for name, sae in saes.items():
        edits[name] = by_sae(sae)
        pca = results[name]["pca"]
        if pca is not None and sae.stats is not None:
            rank = int(pca["l0"])
            by_rank.setdefault(rank, f"pca {rank}")
            edits[by_rank[rank]] = by_principal(principal(sae.stats, rank))
    found = recovered_action(
        *(open_policy(options), stores, stats, edits, options.action_frames),
        instruction=options.instruction,
    )
    for name in saes:
        pca = results[name]["pca"]
        if pca is not None:
            found.share[f"pca of {name}"] = found.share[by_rank[int(pca["l0"])]]
    return found


def _table(results: dict[str, dict[str, Any]]) -> str:
    titles = ("EV", "PCA", "EV pos", "PCA", "action", "PCA", "dead")
    lines = [f"{'SAE':32}{'L0':>7}" + "".join(f"{title:>8}" for title in titles) + f"{'MSE':>11}"]
    for name, result in results.items():
        fit, pca = result["sae"], result["pca"] or {}
        cells = [
            fit["explained_variance"],
            pca.get("explained_variance"),
            fit["explained_variance_about_position"],
            pca.get("explained_variance_about_position"),
            result.get("recovered_action"),
            result.get("pca_recovered_action"),
            result["dead_share"],
        ]
        lines.append(
            f"{name[-32:]:32}{fit['l0']:7.2f}"
            + "".join(f"{'-' if cell is None else f'{cell:.4f}':>8}" for cell in cells)
            + f"{fit['mean_squared_error']:11.3g}"
        )
    return "\n".join(lines) + "\n"
