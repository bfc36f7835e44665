# SPDX-License-Identifier: Apache-2.0
"""What a policy reads, writes and shows, and how fast it is here: as values and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import CONTRIBUTIONS, GRADIENT_METHODS
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.selection import methods_of
from pam_ros.policy import abilities
from pam_ros.policy.timing import typical_forward_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pam_ros.policy.interface import FeatureStatistics, Policy, PolicySpec

_ABILITIES = (
    "Batching",
    "TokenReading",
    "TokenEditing",
    "GradientExplaining",
    "Contributing",
    "PrecisionMeasuring",
    "LookingAhead",
    "Observing",
    "NoiseHolding",
    "Instructed",
    "ExplainingLater",
)
SAID = "pick up the red cube"
"""What a policy that reads words is timed with, if it has none of its own."""
_COLUMNS = ("mean", "std", "min", "max")


def info_of(policy: Policy, passes: int) -> dict[str, Any]:
    """What there is to know of a policy, as JSON takes it.

    Args:
        policy: it is reset if passes are timed, and told SAID if it reads words and has none.
        passes: how many to time; 0: none, and `forward_seconds` is None.
    """
    if isinstance(policy, abilities.Instructed) and not policy.instruction:
        policy.instruct(SAID)  # without any, some run no pass
    spec, engine = policy.spec, policy.engine
    return {
        "name": spec.name,
        "sha256": spec.sha256,
        "reads": {
            "images": {
                camera.feature: {"height": camera.height, "width": camera.width}
                for camera in spec.cameras
            },
            "vectors": {
                feature: {"dim": dim, **_statistics(spec, feature)}
                for feature, dim in (
                    (spec.state_feature, spec.state_dim),
                    (spec.environment_feature, spec.environment_dim),
                )
                if feature is not None
            },
            "words": spec.instruction,
            "observations": spec.history,
            "other_names": dict(spec.renames),
        },
        "writes": {
            "dim": spec.action_dim,
            **_statistics(spec, "action"),
            "chunk_size": spec.chunk_size,
            "n_action_steps": spec.n_action_steps,
            "chunk_mode": spec.chunk_mode,
            "stochastic": spec.stochastic,
            "denoising_steps": spec.denoising_steps,
        },
        "tokens": [
            {
                "kind": group.kind,
                "count": group.stop - group.start,
                **(
                    {}
                    if camera is None
                    else {"camera": camera.feature, "grid": [camera.rows, camera.cols]}
                ),
            }
            for group in spec.groups
            for camera in [group.camera]
        ],
        "stacks": {
            stack.name: {"kind": stack.kind, "layers": stack.layers, "heads": stack.heads}
            for stack in spec.stacks
        },
        "methods": _methods(policy),
        "abilities": [one for one in _ABILITIES if isinstance(policy, getattr(abilities, one))],
        "engine": {
            "name": engine.name,
            "dtype": engine.dtype,
            "device": spec.device,
            "reason": engine.reason,
            "warmup_seconds": engine.warmup_seconds,
            "could": list(engine.could),
        },
        "forward_seconds": typical_forward_seconds(policy, passes) if passes else None,
    }


def text_of(info: Mapping[str, Any]) -> str:
    """The same to read, some lines."""
    return "\n".join(_lines(info)) + "\n"


def _lines(info: Mapping[str, Any]) -> Iterator[str]:
    reads, writes, engine = info["reads"], info["writes"], info["engine"]
    yield f"{info['name']}  (sha256 {info['sha256'][:12]})"
    yield "reads"
    for feature, size in reads["images"].items():
        yield f"  {feature}: {size['width']} x {size['height']} pixels, RGB"
    for feature, vector in reads["vectors"].items():
        yield f"  {feature}: {_count(vector['dim'], 'value')}"
        yield from _table(vector)
    if reads["words"]:
        yield "  words: an instruction"
    if reads["observations"] > 1:
        yield f"  the last {reads['observations']} observations"
    for theirs, own in reads["other_names"].items():
        yield f"  {own} is also called {theirs}"
    yield "writes"
    yield f"  action: {_count(writes['dim'], 'value')}, {_chunking(writes)}"
    yield from _table(writes)
    yield f"shows: {', '.join(info['methods']) or 'nothing'}"
    for name, stack in info["stacks"].items():
        yield (
            f"  {name} ({stack['kind']}): {_count(stack['layers'], 'layer')} of "
            f"{_count(stack['heads'], 'head')}"
        )
    yield f"tokens: {', '.join(_tokens(info['tokens']))}"
    yield f"engine here: {engine['name']}, {engine['dtype']}, on {engine['device']}"
    yield f"  {engine['reason']}"
    seconds = info["forward_seconds"]
    if seconds is not None:
        yield f"  {seconds * 1e3:.0f} ms a pass: {_rate(seconds, writes)}"
    if engine["could"]:
        yield f"  faster here, if asked for: {', '.join(engine['could'])}"


def _chunking(writes: Mapping[str, Any]) -> str:
    size = writes["chunk_size"]
    if writes["chunk_mode"] == "temporal_ensemble":
        way = f"chunks of {size}, the mean of all that cover a step (temporal ensembling)"
    else:
        way = f"chunks of {size}, of which {writes['n_action_steps']} are executed"
    steps = writes["denoising_steps"]
    return way + (f", in {_count(steps, 'denoising step')}" if steps else "")


def _rate(seconds: float, writes: Mapping[str, Any]) -> str:
    """What a control loop can reach, without anything else to do."""
    if writes["chunk_mode"] == "temporal_ensemble" or writes["n_action_steps"] == 1:
        return f"a pass on each tick allows {1 / seconds:.3g} Hz at most"
    steps = writes["n_action_steps"]
    return (
        f"a new chunk each {steps} ticks keeps up with {steps / seconds:.3g} Hz at most; without "
        f"execution: async, one tick in {steps} takes that long"
    )


def _tokens(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for group in groups:
        if "camera" in group:
            rows, cols = group["grid"]
            yield f"{rows} x {cols} of {group['camera']}"
        else:
            yield f"{group['count']} {group['kind']}"


def _table(vector: Mapping[str, Any]) -> Iterator[str]:
    columns = [name for name in _COLUMNS if name in vector]
    if not columns:
        yield "    no statistics in the checkpoint"
        return
    yield "    " + " ".join(f"{name:>10}" for name in ["", *columns])
    for index in range(len(vector[columns[0]])):
        values = " ".join(f"{vector[name][index]:10.4g}" for name in columns)
        yield f"    {index:>10} {values}"


def _statistics(spec: PolicySpec, feature: str) -> dict[str, list[float]]:
    known: FeatureStatistics | None = spec.statistics.get(feature)
    if known is None:
        return {}
    return {name: list(values) for name in _COLUMNS if (values := getattr(known, name)) is not None}


def _methods(policy: Policy) -> list[str]:
    """Values of attention_method and explain_method that it can show."""
    found = list(methods_of(policy.spec))
    if isinstance(policy, abilities.Contributing):
        asked = [ContributionRequest(method) for method in CONTRIBUTIONS]
        found += [one.method for one in asked if not policy.why_no_contribution(one)]
    if isinstance(policy, abilities.GradientExplaining) and policy.spec.cameras:
        found += GRADIENT_METHODS
    return found


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
