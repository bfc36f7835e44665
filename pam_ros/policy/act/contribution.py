# SPDX-License-Identifier: Apache-2.0
"""Contributions for ACT: one forward and one backward pass, or the transformer's part alone.

    contribution          pixels: (picture - baseline) * gradient, halfway between the two
    token_contribution    tokens: (token - its baseline) * gradient, halfway; no ResNet, no picture

The target is a direction in the space of normalised chunks: for the whole chunk that of its
difference from the chunk of other tokens, which costs a pass through the transformer alone. For
pixels these are the tokens of the picture that the policy normalises to zero: they follow from the
weights and are computed once. For tokens they are the baseline: each token's mean over the
observations that the policy was told of, or has been asked about so far.

Gradients are those of the written-out pass with plain kernels: BatchNorm folded, channels last, no
gradients of weights. explaining_pass.py says what computes them, whatever engine computes the
commands; it has a copy of the weights of its own. On CUDA they run in a stream of their own, and in
TF32 if the process allows it. How much each group of tokens did is another matter: group_parts.py.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.attention.attribution import (
    CONTRIBUTION,
    TOKEN_CONTRIBUTION,
    Attribution,
)
from pam_ros.attention.maps import Missing
from pam_ros.policy.act.contribution_baselines import PictureBaselines
from pam_ros.policy.act.contribution_change import change_of
from pam_ros.policy.act.contribution_graphs import Graphs
from pam_ros.policy.act.contribution_parts import (
    Asked,
    check_cell,
    check_request,
    middles,
    plain,
    replaced,
)
from pam_ros.policy.act.contribution_result import pixels_of, together, tokens_of
from pam_ros.policy.act.explaining_stream import explaining_stream
from pam_ros.policy.act.group_parts import Reference, groups_parts
from pam_ros.policy.act.mean_tokens import MeanTokens
from pam_ros.policy.act.passes import Prepared
from pam_ros.policy.act.path import gradients
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.act.supported import why_unsupported
from pam_ros.policy.act.target import direction_of, rows_of
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from pam_ros.attention.attribution import Target
    from pam_ros.attention.contribution import Before, ContributionRequest
    from pam_ros.policy.act.explaining_pass import ExplainingPass
    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.output import ActOutput
    from pam_ros.policy.act.prepare import Preparation
    from pam_ros.policy.act.spec import ActSpec


EXACT = "eager float32"
"""The commands' engine and dtype that is also the exact pass of contributions."""


class Contributor:
    """Contributions of one ACT policy. Of any thread, beside its steps.

    Args:
        spec: the policy's.
        model: its lerobot ACT module.
        preparation: of its inputs.
        dtype: of the commands: "float32" or "bfloat16".
        faster: the same pass, for what needs no gradient; None: there is none.
        commands_by: what computes the commands: an engine and its dtype.
    """

    def __init__(
        self,
        spec: ActSpec,
        model: nn.Module,
        preparation: Preparation,
        dtype: str = "float32",
        faster: ActGraph | None = None,
        commands_by: str = "",
    ) -> None:
        self._commands_by = commands_by
        self._spec = spec
        self._model = model
        self._preparation = preparation
        self._graphs = Graphs(spec, model, preparation, dtype, faster)
        self._scales: NDArray[np.float32] | None = None
        self._means = MeanTokens()
        self._baselines = PictureBaselines(spec, preparation)

    def why_not(self, request: ContributionRequest) -> str:
        """Why the policy cannot be asked for this; empty if it can. Runs no pass."""
        try:
            self._check(request)
        except PolicyError as error:
            return str(error)
        return ""

    def contribute(
        self,
        observation: Mapping[str, NDArray[np.generic]],
        request: ContributionRequest,
        output: ActOutput | None = None,
    ) -> Attribution:
        """The contributions on one observation; see abilities.Contributing."""
        check_observation(self._spec, observation)
        self._check(request)
        with gradients(self._spec.device, exact=False):
            graph, reference = self._graphs.get(at_once=request.at_once)
            targets = self._asked(graph, reference, observation, request, output)
            asked = [one for one in targets if isinstance(one, Asked)]
            if request.method == CONTRIBUTION:
                found = self._of_pixels(graph, asked)
            else:
                found = self._of_tokens(graph, asked)
            difference = math.nan
            if request.complete and output is not None and self._commands_by != graph.name:
                difference = self._difference(graph, asked[0].prepared, output)
        said = iter(
            [replace(one, explained_by=graph.name, chunk_difference=difference) for one in found]
        )
        first, *others = [one if isinstance(one, Missing) else next(said) for one in targets]
        assert isinstance(first, Attribution)  # see _asked
        return together(first, others, self._spec.name)

    @torch.no_grad()
    def _difference(self, graph: ExplainingPass, prepared: Prepared, output: ActOutput) -> float:
        """How far this graph's chunk is from the pass's own, at the most, in normalised units."""
        chunk = graph.rough_chunk_of(self._embed(graph, prepared))[0]
        return float(np.abs(as_array(chunk) - output.normalised).max())

    def mean_tokens(
        self, observations: Sequence[Mapping[str, NDArray[np.generic]]]
    ) -> NDArray[np.float32]:
        """The pictures' mean tokens (cells, dim) over some observations; see Contributing."""
        means = MeanTokens()
        for observation in observations:
            check_observation(self._spec, observation)
        with explaining_stream(self._spec.device), torch.no_grad():
            graph, _ = self._graphs.get()
            for observation in observations:
                means.add(self._embed(graph, self._preparation.one(observation))[:, self._first :])
            return as_array(means.value[0])

    def compare_with(self, means: NDArray[np.float32] | None) -> None:
        """Take these as the baseline of tokens; see Contributing."""
        if means is None:
            self._means = MeanTokens()
            return
        count = self._spec.layout.size - self._first
        dim = self._model.config.dim_model  # type: ignore[union-attr]
        if means.shape != (count, dim) or not np.isfinite(means).all():
            message = (
                f"mean tokens of shape {means.shape} must have {(count, dim)} for "
                f"{self._spec.name}, and be finite"
            )
            raise PolicyError(message)
        self._means = MeanTokens(torch.tensor(means, dtype=torch.float32)[None])

    @property
    def tokens_compared_with(self) -> str:
        """See Contributing."""
        return self._means.kind

    @cached_property
    def _unsupported(self) -> str | None:
        return why_unsupported(self._model)

    @property
    def _first(self) -> int:
        """The first token of a picture: all that follow are pictures' as well."""
        return self._spec.layout.cameras[0].start

    @staticmethod
    def _embed(graph: ExplainingPass, prepared: Prepared) -> Tensor:
        images = [plain(image) for image in prepared.images]
        return graph.embed(images, prepared.state, prepared.environment)

    def _check(self, request: ContributionRequest) -> None:
        spec = self._spec
        reason = self._unsupported
        if reason:
            message = f"{spec.name} has no contributions: its pass is lerobot's own, since {reason}"
            raise PolicyError(message)
        if not spec.cameras:
            message = f"{spec.name} reads no camera: contributions need one"
            raise PolicyError(message)
        check_request(request)
        if request.method == CONTRIBUTION:
            check_cell(request.cell, spec.cameras)
        for target in (request.target, *request.also):
            rows_of(target, spec)
        if request.joints and len(request.joints) != spec.action_dim:
            message = f"joints has {len(request.joints)} names: it must have {spec.action_dim}"
            raise PolicyError(message)
        if request.method == CONTRIBUTION and request.baseline == "mean":
            reason = self._graphs.why_no_mean("VISUAL")
            if reason:
                raise PolicyError(f"baseline 'mean' {reason}")

    def _asked(
        self,
        graph: ExplainingPass,
        reference: Reference,
        observation: Mapping[str, NDArray[np.generic]],
        request: ContributionRequest,
        output: ActOutput | None,
    ) -> list[Asked | Missing]:
        """One for each target; the first is never missing."""
        kept = output is not None and output.inputs is not None
        needed = request.method == CONTRIBUTION or request.complete or not kept
        prepared = self._preparation.one(observation) if needed else Prepared((), None, None)
        # Differences between chunks are parts by themselves, and need the exact pass.
        chunk_of = graph.chunk_of if request.complete else graph.rough_chunk_of
        with torch.no_grad():
            if output is not None and output.inputs is not None:
                tokens = torch.tensor(output.inputs, device=self._spec.device)[None]
                chunk = torch.tensor(output.normalised, device=self._spec.device)
            else:
                tokens = self._embed(graph, prepared)
                chunk = graph.chunk_of(tokens)[0]
            others, baseline = reference.images, "mean"
            if request.method == TOKEN_CONTRIBUTION:
                others, baseline = self._means.baseline(tokens[:, self._first :], others)
            away = replaced(tokens, self._first, others)
            start = chunk_of(away)[0]
        if not torch.isfinite(chunk - start).all():
            message = f"{self._spec.name} predicted a chunk that is not finite on this observation"
            raise PolicyError(message)

        def of(target: Target, reason: str = "") -> Asked | Missing:
            rows, way = rows_of(target, self._spec), chunk - start
            if target.change:
                way, why_not = self._change(chunk, request.before, rows)
                if why_not:
                    return Missing(target.label(), why_not)
            direction = direction_of(target, rows, way)
            scale = 1.0 if target.joint is None else float(self._unit()[target.joint])
            return Asked(
                replace(request, target=target, also=()),
                *(baseline, direction, chunk, start, scale),
                reason=reason,
                prepared=prepared,
                tokens=tokens,
                away=away,
            )

        first = of(request.target)
        if isinstance(first, Missing):
            stand_in = replace(request.target, change=False)
            first = of(stand_in, f"{first.reason}: {stand_in.label()} stands in")
        same = not kept or self._commands_by == EXACT
        return self._with_parts(graph, reference, [first, *map(of, request.also)], same_pass=same)

    @torch.no_grad()
    def _with_parts(
        self,
        graph: ExplainingPass,
        reference: Reference,
        targets: Sequence[Asked | Missing],
        *,
        same_pass: bool,
    ) -> list[Asked | Missing]:
        """What each group did of each target, if it is asked for."""
        asked = [one for one in targets if isinstance(one, Asked)]
        if not asked[0].request.complete:
            return list(targets)
        names = frozenset(group.name for group in reference.groups)
        known = {}
        if same_pass:  # else the difference of two engines would be some group's part
            known[names] = asked[0].chunk
        if asked[0].request.method == CONTRIBUTION:  # away, all cameras are at their mean
            cameras = (camera.feature for camera in self._spec.cameras)
            known[names.difference(cameras)] = asked[0].start
        parts = groups_parts(
            *(graph.chunk_of, asked[0].tokens, reference.groups),
            *([one.value for one in asked], known),
        )
        found = iter([replace(one, parts=each) for one, each in zip(asked, parts, strict=True)])
        return [one if isinstance(one, Missing) else next(found) for one in targets]

    def _change(self, chunk: Tensor, before: Before | None, rows: slice) -> tuple[Tensor, str]:
        """See change_of, in normalised units."""
        change, why_not = change_of(self._preparation.unnormalised(chunk), before, rows)
        unit = self._unit()
        return torch.as_tensor(change / np.where(unit == 0, 1, unit)).to(chunk), why_not

    def _unit(self) -> NDArray[np.float32]:
        """What 1 of each joint's normalised value is in the policy's own unit."""
        if self._scales is None:
            ends = torch.zeros(2, self._spec.action_dim, device=self._spec.device)
            ends[1] = 1.0
            low, high = self._preparation.unnormalised(ends)
            self._scales = high - low
        return self._scales

    def _of_pixels(self, graph: ExplainingPass, asked: Sequence[Asked]) -> list[Attribution]:
        request, prepared = asked[0].request, asked[0].prepared
        ends = prepared.images
        starts, baseline, reason = self._baselines.of(
            request.baseline, ends, request.episode, request.pictures
        )
        asked = [
            replace(
                one,
                request=replace(one.request, baseline=baseline),
                reason="; ".join(filter(None, (one.reason, reason))),
            )
            for one in asked
        ]
        sums = [[torch.zeros_like(end) for end in ends] for _ in asked]
        for point in middles(request.points):
            moving = tuple(
                torch.lerp(start, end, point) for start, end in zip(starts, ends, strict=True)
            )
            halfway = prepared._replace(images=moving)
            gradients_of = graph.picture_gradients(halfway, [one.direction for one in asked])
            for totals, found in zip(sums, gradients_of, strict=True):
                for total, gradient in zip(totals, found, strict=True):
                    total += gradient  # noqa: PLW2901  (in place)
        start = asked[0].start
        known = baseline == "mean"
        if request.complete and not known:
            with torch.no_grad():
                inputs = [plain(image) for image in starts]
                start = graph.graph(inputs, prepared.state, prepared.environment)[0][0]
            known = True
        begun = start if known else None
        ways = [end - begin for begin, end in zip(starts, ends, strict=True)]
        return [
            pixels_of(self._spec, one, ways, totals, begun)
            for one, totals in zip(asked, sums, strict=True)
        ]

    def _of_tokens(self, graph: ExplainingPass, asked: Sequence[Asked]) -> list[Attribution]:
        tokens, away, points = asked[0].tokens, asked[0].away, asked[0].request.points
        ways = tokens - away
        sums = [torch.zeros_like(ways) for _ in asked]
        for point in middles(points):
            found = graph.token_gradients(
                torch.lerp(away, tokens, point), [one.direction for one in asked]
            )
            for total, gradient in zip(sums, found, strict=True):
                total += gradient  # noqa: PLW2901  (in place)
        return [
            tokens_of(self._spec, one, (ways * total)[0] * (one.scale / points))
            for one, total in zip(asked, sums, strict=True)
        ]
