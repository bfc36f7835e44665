# SPDX-License-Identifier: Apache-2.0
"""Reports of measurements that the tests make up."""

from __future__ import annotations

from dataclasses import replace

from linear_policy import make_spec

from pam_ros.ablation.answers import answer
from pam_ros.ablation.closed_loop import INTACT, Ending
from pam_ros.ablation.inputs import inputs_of
from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE, Measured
from pam_ros.ablation.replacements import Ablation, makes_sense
from pam_ros.ablation.report import Joint, Report
from pam_ros.ablation.rows import Rows, closed, with_closed

EPISODES, EACH = 6, 3


def endings(**successes: int) -> list[Ending]:
    """Episodes by key (`_` for `:`), so many of them reached."""
    return [
        Ending(key.replace("_", ":") if key != "intact" else INTACT, seed, seed < count, 20, 0.01)
        for key, count in successes.items()
        for seed in range(EPISODES)
    ]


def made(
    ways: dict[str, float],
    *,
    floor: float = 0.1,
    noise: str = "none",
    drove: list[Ending] | None = None,
    why_not: dict[str, str] | None = None,
    name: str = "policy",
) -> Report:
    """A report of these ways (pan in rad, lift in m a tenth of it), by key; they vary a little."""
    spec = make_spec(instruction=noise == "anew")
    moments = [(episode, frame) for episode in range(EPISODES) for frame in range(EACH)]
    given = {NEXT: floor, EVERYTHING: 2.0, **ways}
    if noise != "none":
        given.setdefault(NOISE, 3 * floor)
    measured = [
        Measured(
            episode, frame,
            {key: (way * (0.9 + 0.02 * (episode + frame)), way / 10)
             for key, way in given.items()},
            (0.0, 0.0), (1.0, 1.0),
        )
        for episode, frame in moments
    ]  # fmt: skip
    spreads = (1.0, 0.1)
    rows = Rows(measured, spreads, stochastic=noise == "anew")
    keys = {*ways, *(why_not or {})}
    plan = [
        Ablation(one, word, (why_not or {}).get(f"{one.name}:{word}", ""))
        for one in inputs_of(spec)
        for word in ("other", "mean", "blur", "first", "empty")
        if makes_sense(one, word) and f"{one.name}:{word}" in keys
    ]
    report = Report(
        policy=name,
        policy_sha256="0" * 64,
        source="made up",
        joints=tuple(map(Joint, ("pan", "lift"), ("rad", "m"), spreads)),
        spreads_from="standard deviations",
        means_from={"observation.state": "training data"},
        noise=noise,
        moments=tuple(moments),
        intact=closed(drove or [], INTACT),
        references=rows.references(),
        rows=tuple(with_closed(rows.row(one), drove or []) for one in plan),
        notes=("made up",),
    )
    asked = [one for one in inputs_of(spec) if report.of_input(one.name)]
    return replace(report, answers=tuple(answer(report, one) for one in asked))
