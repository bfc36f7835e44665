# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae ood`: fit an out-of-distribution detector, break cameras on paper, measure it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.observations.options import add_instruction_option
from pam_ros.sae.errors import SaeError
from pam_ros.sae.policy_options import (
    add_policy_options,
    add_threads_option,
    open_policy,
    set_threads,
)
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.observations.source import Source
    from pam_ros.sae.ood.evaluation import Result
    from pam_ros.sae.store.token_store import TokenStore

_USAGE = """usage: pam_ros sae ood {fit,break,eval} [...]

  fit    what is usual on training episodes, the threshold on others; written beside the SAE
  break  a store's episodes once more with cameras that are noisy, black, frozen, ...
  eval   false alarms, detections and AUROC beside two baselines
"""


def run(argv: Sequence[str]) -> None:
    """One of the three."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return
    jobs: dict[str, Callable[[Sequence[str]], None]] = {
        "fit": _fit,
        "break": _break,
        "eval": _eval,
    }
    if word not in jobs:
        raise SaeError(f"'{word}' is not one of {', '.join(jobs)}")
    jobs[word](rest)


def _fit(argv: Sequence[str]) -> None:
    parser = Parser(prog="pam_ros sae ood fit")
    parser.add_argument("--sae", type=Path, required=True, help="folder; the detector goes there")
    parser.add_argument("--data", type=Path, required=True, help="store of the SAE's training")
    parser.add_argument("--calibration", type=Path, required=True, help="store of other episodes")
    parser.add_argument("--window", type=int, default=4, help="ticks")
    parser.add_argument("--rate", type=float, default=0.01, help="of false alarms, per tick")
    parser.add_argument("--ticks", type=int, default=2000, help="of --data to look at, at most")
    add_threads_option(parser)
    options = parser.parse_args(argv)

    from pam_ros.sae.disk import load_sae  # noqa: PLC0415  (torch)
    from pam_ros.sae.ood.fit import fit  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    set_threads(options)
    detector = fit(
        load_sae(options.sae),
        TokenStore(options.data),
        TokenStore(options.calibration),
        window=options.window,
        rate=options.rate,
        ticks=options.ticks,
    )
    detector.save(options.sae)
    sys.stdout.write(
        f"{options.sae}: scores above {detector.threshold:.2f} are flagged, at most "
        f"{options.rate:.1%} of normal ticks\n"
    )


def _break(argv: Sequence[str]) -> None:
    parser = Parser(prog="pam_ros sae ood break")
    parser.add_argument("--data", type=Path, required=True, help="store that keeps observations")
    parser.add_argument(
        "--kind",
        required=True,
        help="noise, black, frozen, half or swapped; of the simulator's: cube_colour or light",
    )
    parser.add_argument("--cameras", nargs="+", help="image features; default: all")
    parser.add_argument("--episodes", type=int, default=10**9, help="the store's first ones")
    parser.add_argument(
        "--observations",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the broken pictures, for the picture statistics of eval",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the new store")
    add_policy_options(parser)
    add_instruction_option(parser)
    options = parser.parse_args(argv)

    from pam_ros.sae.collect.collector import collect  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415
    from pam_ros.sae.store.tokens import parse_sampler  # noqa: PLC0415

    store = TokenStore(options.data)
    source = _broken(store, options.kind, options.cameras, options.episodes)
    reason = collect(
        open_policy(options),
        source,
        parse_sampler(store.info.sampler),
        options.out,
        layer=store.info.layer,
        observations=options.observations,
        instruction=options.instruction,
    )
    sys.stdout.write(f"{options.out}: {reason}\n")


def _broken(store: TokenStore, kind: str, cameras: Sequence[str] | None, episodes: int) -> Source:
    from pam_ros.sae.ood.corruptions import KINDS, CorruptedSource, Corruption  # noqa: PLC0415
    from pam_ros.sae.ood.scenes import CHANGES, ChangedSceneSource  # noqa: PLC0415

    if episodes < 1:
        raise SaeError(f"--episodes {episodes} must be at least 1")
    if kind not in (*KINDS, *CHANGES):
        raise SaeError(f"--kind {kind} must be one of {', '.join((*KINDS, *CHANGES))}")
    if kind in CHANGES:
        if cameras:
            raise SaeError(f"{kind} is a change of the scene: all cameras see it, name none")
        return ChangedSceneSource(store, kind, episodes)
    known = store.info.camera_names
    for camera in cameras or ():
        if camera not in known:
            raise SaeError(f"there is no camera {camera!r}: it must be one of {', '.join(known)}")
    return CorruptedSource(store, Corruption(kind, tuple(cameras or known)), episodes)


def _eval(argv: Sequence[str]) -> None:
    parser = Parser(prog="pam_ros sae ood eval")
    parser.add_argument("--sae", type=Path, required=True, help="folder with its detector")
    parser.add_argument("--normal", type=Path, required=True, help="store of normal episodes")
    parser.add_argument("--calibration", type=Path, help="as in fit; for the baselines' thresholds")
    parser.add_argument("--other", type=Path, nargs="*", default=[], help="stores of others")
    parser.add_argument(
        "--draws", type=int, default=0, help="of other calibration episodes, to see what is luck"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    add_threads_option(parser)
    options = parser.parse_args(argv)
    if options.draws and not options.calibration:
        raise SaeError("--draws needs --calibration: episodes of both stores are drawn")

    import numpy as np  # noqa: PLC0415

    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.ood import evaluation as ood_eval  # noqa: PLC0415  (torch)
    from pam_ros.sae.ood.detector import OodDetector  # noqa: PLC0415
    from pam_ros.sae.store.manifest import replace_file  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    set_threads(options)
    sae = load_sae(options.sae)
    model = OodDetector.load(options.sae, sae).model
    pictures, limits = None, {ood_eval.DETECTOR: model.threshold}
    if options.calibration:
        calibration = TokenStore(options.calibration)
        if calibration.info.keeps_observations:
            pictures = ood_eval.PictureStatistics(calibration)
        usual = ood_eval.score_store(model, sae, calibration, pictures)
        limits = ood_eval.thresholds(model, usual)
    stores = {str(folder): TokenStore(folder) for folder in (options.normal, *options.other)}
    scored = {
        name: ood_eval.score_store(model, sae, store, pictures) for name, store in stores.items()
    }
    normal = scored[str(options.normal)]
    found: dict[str, dict[str, Any]] = {}
    for name, scores in scored.items():
        rows = ood_eval.results(scores, normal, limits)
        found[name] = {
            "dataset": stores[name].info.dataset,
            "episodes": len(set(scores.episode.tolist())),
            **{method: asdict(result) for method, result in rows.items()},
            "flagged_by_episode": ood_eval.flagged_by_episode(scores, model.threshold),
        }
        _print(name, rows)
    content = {"rate": model.rate, "window": model.window, "results": found}
    if options.draws:
        drawn = ood_eval.redrawn_alarms(model, usual, normal, options.draws)
        content["redrawn_false_alarms"] = drawn.tolist()
        sys.stdout.write(
            f"calibration drawn anew {options.draws} times: false alarms {drawn.mean():.1%} on "
            f"average, at most {np.quantile(drawn, 0.9):.1%} in nine of ten, more than twice the "
            f"stated rate in {(drawn > 2 * model.rate).mean():.0%}\n"
        )
    if options.json:
        replace_file(options.json, (json.dumps(content, indent=1) + "\n").encode())


def _print(name: str, rows: dict[str, Result]) -> None:
    sys.stdout.write(f"{name}\n")
    for method, result in rows.items():
        sys.stdout.write(
            f"  {method:10} flagged {result.flagged:6.1%} of {result.ticks} ticks   "
            f"AUROC {result.auroc:.3f}\n"
        )
