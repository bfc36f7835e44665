# SPDX-License-Identifier: Apache-2.0
"""Are the features normalised as the checkpoint's config says, and what are the data's statistics?

lerobot's normaliser passes a feature on as it is if it has no statistics for it. A checkpoint whose
statistics have other names would then load, and its actions would reach the robot in normalised
units. That is refused here, before the first step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.policy.interface import FeatureStatistics, PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

ACTION = "action"
IDENTITY = "IDENTITY"
NEEDED: dict[str, tuple[str, str]] = {
    "MEAN_STD": ("mean", "std"),
    "MIN_MAX": ("min", "max"),
    "QUANTILES": ("q01", "q99"),
    "QUANTILE10": ("q10", "q90"),
}
"""The statistics of each mode."""
NORMALISER, UNNORMALISER = "NormalizerProcessorStep", "UnnormalizerProcessorStep"
_SHOWN = 6
_LARGEST_EPS = 0.01
"""lerobot's is 1e-8; a large one flattens what it normalises."""


@dataclass(frozen=True)
class _Normaliser:
    """One step of a pipeline that normalises or takes it back.

    Attributes:
        where: its file, for errors.
        kind: what its class does, NORMALISER or UNNORMALISER.
        eps: what it adds to a standard deviation.
        modes: by feature, what it is set to do; a feature that it leaves out is not in it.
        statistics: by feature and statistic, as the step has loaded them.
        spare: features that have statistics and that the policy neither reads nor writes.
    """

    where: str
    kind: str
    eps: float
    modes: Mapping[str, str]
    statistics: Mapping[str, Mapping[str, torch.Tensor]]
    spare: tuple[str, ...]


def check_normalisation(
    name: str,
    config: Any,
    pipelines: tuple[Any, Any],
    files: tuple[Sequence[str], Sequence[str]] = ((), ()),
    renames: Mapping[str, str] | None = None,
) -> None:
    """Refuse a policy whose features would not be normalised as its config says.

    Args:
        name: the policy's, for errors.
        config: lerobot's, with input_features, output_features and normalization_mapping.
        pipelines: pre- and post-processor; one that has no `steps` is not lerobot's, and is left
            alone.
        files: for each pipeline the file of each step's state, for errors.
        renames: features by their names in the training data, for errors.

    Raises:
        PolicyError: a feature is to be normalised and no step does it, or the statistics for it are
            missing, incomplete, of another size, or not finite. Names feature, key and file.
    """
    sides: tuple[tuple[Mapping[str, Any], str, str], ...] = (
        (config.input_features or {}, "pre-processor", NORMALISER),
        (config.output_features or {}, "post-processor", UNNORMALISER),
    )
    known = {*sides[0][0], *sides[1][0]}
    for (features, what, kind), pipeline, names in zip(sides, pipelines, files, strict=True):
        if not hasattr(pipeline, "steps"):
            continue
        found = list(_normalisers(pipeline, known, names, what))
        for feature, description in features.items():
            mode = mode_of(config.normalization_mapping, description.type)
            step = _the_step(f"{name}: {feature}", feature, mode, found, what, kind)
            if step is not None:
                aliases = [old for old, new in (renames or {}).items() if new == feature]
                title = f"{name}: {feature}"
                _check_statistics(title, feature, description.shape, mode, step, aliases)


def feature_statistics(config: Any, pipelines: tuple[Any, Any]) -> dict[str, FeatureStatistics]:
    """What the processors know of the vector features' values in training, by feature.

    An input's are those of the pre-processor, an output's those of the post-processor: lerobot
    saves all of a dataset's in both, and uses these.

    Args:
        config: lerobot's, with input_features and output_features.
        pipelines: pre- and post-processor.
    """
    fields = FeatureStatistics._fields
    known: dict[str, FeatureStatistics] = {}
    for features, pipeline in zip(
        (config.input_features or {}, config.output_features or {}), pipelines, strict=True
    ):
        for step in _normalisers(pipeline):
            for feature in features:
                tensors = step.statistics.get(feature, {})
                vectors = {
                    key: tuple(float(value) for value in tensors[key])
                    for key in fields
                    if key in tensors and tensors[key].ndim == 1
                }
                if vectors:
                    known[feature] = FeatureStatistics(**vectors)
    return known


def _normalisers(
    pipeline: Any, known: Collection[str] = (), files: Sequence[str] = (), what: str = ""
) -> Iterator[_Normaliser]:
    for index, step in enumerate(getattr(pipeline, "steps", ())):
        if not (hasattr(step, "norm_map") and hasattr(step, "features")):
            continue
        only = getattr(step, "normalize_observation_keys", None)
        modes = {
            feature: mode_of(step.norm_map, description.type)
            for feature, description in step.features.items()
            if only is None or feature in only
        }
        # lerobot applies this one whether it is listed or not.
        modes[ACTION] = mode_of(step.norm_map, "ACTION")
        statistics: dict[str, dict[str, torch.Tensor]] = {}
        for key, tensor in step.state_dict().items():
            feature, _, statistic = key.rpartition(".")
            statistics.setdefault(feature, {})[statistic] = tensor
        named = files[index] if index < len(files) else ""
        spare = tuple(sorted(set(statistics) - set(known)))
        kinds = [each.__name__ for each in type(step).__mro__]
        kind = next((one for one in (NORMALISER, UNNORMALISER) if one in kinds), kinds[0])
        where = named or f"the {what}"
        yield _Normaliser(where, kind, float(step.eps), modes, statistics, spare)


def mode_of(mapping: Mapping[Any, Any], kind: Any) -> str:
    """The normalisation of a kind of feature; both may be enumerations or their names.

    Args:
        mapping: lerobot's normalization_mapping; a kind that it leaves out is IDENTITY.
        kind: a feature's type.
    """
    by_name = {_value(key): _value(mode) for key, mode in mapping.items()}
    return by_name.get(_value(kind), IDENTITY)


def _value(member: Any) -> str:
    return str(getattr(member, "value", member))


def _the_step(
    title: str, feature: str, mode: str, steps: Sequence[_Normaliser], what: str, kind: str
) -> _Normaliser | None:
    """The one step that normalises a feature, or takes it back; None if none is to do it."""
    doing = [step for step in steps if feature in step.modes]
    for step in doing:
        if step.modes[feature] != mode:
            raise PolicyError(
                f"{title} is normalised by {mode} in config.json, but by {step.modes[feature]} in "
                f"the {what}: make both say what the policy was trained with"
            )
    if mode == IDENTITY:
        return None
    if len(doing) != 1:
        many = f"{len(doing)} steps of the {what} do it" if doing else f"no step of the {what} does"
        raise PolicyError(f"{title} is normalised by {mode} in config.json, but {many}: one has to")
    (step,) = doing
    if step.kind != kind:
        raise PolicyError(f"{title} is to pass a {kind} in the {what}, but that has a {step.kind}")
    if not 0 <= step.eps <= _LARGEST_EPS:
        raise PolicyError(
            f"{title}: eps {step.eps:g} of the {what} must be from 0 to {_LARGEST_EPS}"
        )
    return step


def _check_statistics(
    title: str,
    feature: str,
    shape: Sequence[int],
    mode: str,
    step: _Normaliser,
    aliases: Sequence[str],
) -> None:
    if mode not in NEEDED:
        raise PolicyError(f"{title} is normalised by {mode}, which this lerobot does not know")
    statistics = step.statistics.get(feature, {})
    for key in NEEDED[mode]:
        full = f"{feature}.{key}"
        if key not in statistics:
            raise PolicyError(
                f"{title} is normalised by {mode}, but {step.where} has no {full}"
                f"{_instead(feature, step, aliases)}: it would pass un-normalised"
            )
        tensor = statistics[key]
        sizes = tuple(tensor.shape)
        if not _spreads(sizes, tuple(shape)):
            raise PolicyError(
                f"{title} has shape {tuple(shape)} in config.json, but {full} in {step.where} has "
                f"shape {sizes}"
            )
        if not torch.isfinite(tensor).all():
            raise PolicyError(f"{title}: {full} in {step.where} is not all finite")
    _check_order(title, feature, mode, step)


def _check_order(title: str, feature: str, mode: str, step: _Normaliser) -> None:
    """Refuse statistics that no data has: they would turn values round, or make them all one."""
    low, high = NEEDED[mode]
    first, second = step.statistics[feature][low], step.statistics[feature][high]
    if mode == "MEAN_STD":
        wrong = bool((second < 0).any())
        told = f"{feature}.{high} in {step.where} is negative"
    else:
        wrong = bool((first > second).any())
        told = f"{feature}.{low} in {step.where} is above {feature}.{high}"
    if wrong:
        raise PolicyError(f"{title}: {told}")
    span = second if mode == "MEAN_STD" else second - first
    if feature == ACTION and not (span > 0).any():
        raise PolicyError(
            f"{title}: the statistics in {step.where} have no spread, so that every action would "
            "be the same"
        )


def _instead(feature: str, step: _Normaliser, aliases: Sequence[str]) -> str:
    """Which names the statistics have instead, with the likely cause."""
    if not step.spare:
        return ""
    listed = ", ".join(step.spare[:_SHOWN]) + (", ..." if len(step.spare) > _SHOWN else "")
    told = f" (it has {listed})"
    if feature.replace("_", ".") in step.spare:
        # lerobot's migration turns every underscore of a buffer's name into a dot.
        told = (
            f" (it has {feature.replace('_', '.')}: lerobot's migration writes a name's "
            "underscores as dots; rename the keys in that file)"
        )
    renamed = [name for name in aliases if name in step.spare]
    if renamed:
        # lerobot-train renames the observations, and not the statistics of its data.
        told = (
            f" (it has {renamed[0]}, which rename_map makes {feature}: lerobot-train leaves such a "
            "feature as it is, in training too; write IDENTITY for its type into config.json and "
            "the processors if so, or else rename the keys in that file)"
        )
    return told


def _spreads(sizes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether statistics of these sizes are one value per dimension or channel, or one for all."""
    if math.prod(sizes) == 1:
        return True
    if len(shape) == 1:
        return sizes == shape
    return len(sizes) == len(shape) and all(
        size in {1, full} for size, full in zip(sizes, shape, strict=True)
    )
