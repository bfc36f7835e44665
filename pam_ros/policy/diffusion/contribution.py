# SPDX-License-Identifier: Apache-2.0
"""Contributions for Diffusion Policy: the gradient of the chunk through all denoising steps.

    contribution          pixels: (picture - baseline) * gradient, halfway between the two
    token_contribution    cells of the feature maps: (cell - its baseline) * gradient, halfway

The noise is that of the pass explained, the same at the baseline and on the way: what changes is
what the pictures do. Each camera's pictures of the history move together, and the parts of a place
are summed over them; the map is drawn on the newest.

The target is a direction in the space of normalised chunks: for the whole chunk that of its
difference from the chunk of the baseline, which costs a pass. How much each camera, the joint state
and the environment state did is another matter: parts.py.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from pam_ros.attention.attribution import CONTRIBUTION
from pam_ros.attention.maps import Missing
from pam_ros.policy.act.contribution_change import change_of
from pam_ros.policy.act.contribution_parts import Aim, check_cell, check_request, middles
from pam_ros.policy.act.contribution_result import pixels_of, together, tokens_of
from pam_ros.policy.act.mean_tokens import MeanTokens
from pam_ros.policy.act.path import gradients, why_no_mean, zero_observation
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.act.target import direction_of, rows_of
from pam_ros.policy.diffusion.parts import parts_of
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.attention.attribution import Attribution, Target
    from pam_ros.attention.contribution import Before, ContributionRequest
    from pam_ros.policy.diffusion.differentiable import Differentiable
    from pam_ros.policy.diffusion.prepare import Preparation, Prepared
    from pam_ros.policy.interface import PolicySpec

EXPLAINED_BY = "eager float32"


class Contributor:
    """Contributions of one Diffusion Policy. Of any thread, beside its steps.

    Args:
        spec: the policy's.
        config: lerobot's.
        preparation: of its inputs.
        net: its chunks.
    """

    def __init__(
        self, spec: PolicySpec, config: Any, preparation: Preparation, net: Differentiable
    ) -> None:
        self._spec = spec
        self._config = config
        self._preparation = preparation
        self._net = net
        self._means = MeanTokens()
        self._computing = threading.Lock()
        ends = torch.zeros(2, spec.action_dim, device=spec.device)
        ends[1] = 1.0
        low, high = preparation.unnormalised(ends)
        self._unit: NDArray[np.float32] = high - low

    def why_not(self, request: ContributionRequest) -> str:
        """Why the policy cannot be asked for this; empty if it can. Runs no pass."""
        try:
            self._check(request)
        except PolicyError as error:
            return str(error)
        return ""

    def contribute(
        self, inputs: Prepared, request: ContributionRequest, chunk: NDArray[np.float32] | None
    ) -> Attribution:
        """The contributions on one history; see abilities.Contributing.

        Args:
            inputs: of it, with its noise.
            request: what is asked for.
            chunk: (C, A) normalised, of a pass on them; None: it is computed.

        Raises:
            PolicyError: as why_not says, or a contribution that is not finite.
        """
        self._check(request)
        with self._computing, gradients(self._spec.device, exact=False):
            ends, starts, baseline, reason = self._way(inputs, request)
            of = self._chunks_of(inputs, request)
            with torch.no_grad():
                start = of(starts)[0]
                end = of(ends)[0] if chunk is None else torch.tensor(chunk).to(start)
            if not torch.isfinite(end - start).all():
                message = f"{self._spec.name} predicted a chunk that is not finite on this "
                raise PolicyError(message + "observation")
            aims = self._aims(request, end, start, baseline, reason)
            asked = [one for one in aims if isinstance(one, Aim)]
            if request.complete:
                parts = parts_of(
                    *(self._spec, self._preparation, self._net, inputs, end),
                    *(asked, not self._why_no_mean()),
                )
                asked = [replace(one, parts=each) for one, each in zip(asked, parts, strict=True)]
            sums = [torch.zeros_like(ends) for _ in asked]
            for point in middles(request.points):
                here = torch.lerp(starts, ends, point).requires_grad_()
                there = of(here)[0]
                for number, one in enumerate(asked):
                    value = (there * one.direction).sum()
                    (found,) = torch.autograd.grad(
                        value, here, retain_graph=number + 1 < len(asked)
                    )
                    sums[number] += found
        said = iter(
            replace(self._result(one, ends - starts, total), explained_by=EXPLAINED_BY)
            for one, total in zip(asked, sums, strict=True)
        )
        first, *others = [one if isinstance(one, Missing) else next(said) for one in aims]
        assert not isinstance(first, Missing)  # see _aims
        return together(first, others, self._spec.name)

    def mean_tokens(self, many: Sequence[Prepared]) -> NDArray[np.float32]:
        """The pictures' mean tokens (cells, C) over the newest observations of some histories."""
        means = MeanTokens()
        with self._computing, torch.inference_mode():
            for inputs in many:
                means.add(_cells(self._net.features(inputs))[:, -1])
            return as_array(means.value[0])

    @property
    def tokens_compared_with(self) -> str:
        """See Contributing."""
        return self._means.kind

    def compare_with(self, means: NDArray[np.float32] | None) -> None:
        """Take these as the baseline of tokens; see Contributing."""
        if means is None:
            self._means = MeanTokens()
            return
        with self._computing, torch.inference_mode():
            shape = tuple(_cells(self._net.features(self._net.zeros)).shape[2:])
        if means.shape != shape or not np.isfinite(means).all():
            message = (
                f"mean tokens of shape {means.shape} must have {shape} for {self._spec.name}, and "
                "be finite"
            )
            raise PolicyError(message)
        self._means = MeanTokens(torch.tensor(means, dtype=torch.float32)[None])

    def _check(self, request: ContributionRequest) -> None:
        spec = self._spec
        check_request(request)
        if request.method == CONTRIBUTION:
            check_cell(request.cell, spec.cameras)
        for target in (request.target, *request.also):
            rows_of(target, spec)
        if request.joints and len(request.joints) != spec.action_dim:
            message = f"joints has {len(request.joints)} names: it must have {spec.action_dim}"
            raise PolicyError(message)
        if request.method == CONTRIBUTION and request.baseline == "mean":
            reason = self._why_no_mean()
            if reason:
                raise PolicyError(f"baseline 'mean' {reason}")

    def _why_no_mean(self) -> str:
        images = self._net.zeros.images
        assert images is not None
        return why_no_mean(_Configured(self._config), "VISUAL", [images])

    def _way(
        self, inputs: Prepared, request: ContributionRequest
    ) -> tuple[Tensor, Tensor, str, str]:
        """Where it ends and begins, (1, S, N, ...) of pictures or cells; the baseline, and why."""
        assert inputs.images is not None
        if request.method == CONTRIBUTION:
            ends = inputs.images
            if request.pictures is not None:
                return ends, self._given(request.pictures), request.baseline, ""
            return ends, *self._net.baseline(ends, request.baseline, request.episode)
        with torch.no_grad():
            ends = self._net.features(inputs)
            cells = _cells(ends)
            # Where 0 is not the mean of the training pictures, black ones are what is known.
            zeros, unknown = self._net.zeros, self._why_no_mean()
            if not unknown:
                zeros = zeros._replace(images=torch.zeros_like(inputs.images))
            reference = _cells(self._net.features(zeros))[:, -1]
            start, baseline = self._means.baseline(cells[:, -1], reference)
            if unknown and baseline == "mean":
                baseline = "black"
            starts = start[:, None].expand_as(cells).transpose(2, 3)
            shape = *starts.shape[:3], ends.shape[2], *ends.shape[4:]
            starts = starts.reshape(shape).transpose(2, 3).contiguous()
        return ends, starts, baseline, ""

    def _given(self, pictures: Mapping[str, NDArray[np.uint8]]) -> Tensor:
        """Pictures that somebody has given, all through the history, (1, S, cameras, 3, H, W)."""
        observation = {**zero_observation(self._spec), **pictures}
        images = self._preparation.histories([(observation,) * self._spec.history], [0]).images
        assert images is not None
        return images

    def _chunks_of(self, inputs: Prepared, request: ContributionRequest) -> Any:
        """From what moves to chunks (1, C, A)."""
        if request.method == CONTRIBUTION:
            return lambda images: self._net.chunks(inputs._replace(images=images))
        return lambda features: self._net.of_features(inputs, features)

    def _aims(
        self,
        request: ContributionRequest,
        end: Tensor,
        start: Tensor,
        baseline: str,
        other: str,
    ) -> list[Aim | Missing]:
        """One for each target; the first is never missing."""
        of_pixels = request.method == CONTRIBUTION

        def of(target: Target, reason: str = "") -> Aim | Missing:
            rows, way = rows_of(target, self._spec), end - start
            if target.change:
                way, why_not = self._change(end, request.before, rows)
                if why_not:
                    return Missing(target.label(), why_not)
            direction = direction_of(target, rows, way)
            scale = 1.0 if target.joint is None else float(self._unit[target.joint])
            asked = replace(request, target=target, also=())
            if of_pixels:
                asked = replace(asked, baseline=baseline)
            said = "; ".join(filter(None, (reason, other)))
            return Aim(asked, baseline, direction, end, start, scale, reason=said)

        first = of(request.target)
        if isinstance(first, Missing):
            stand_in = replace(request.target, change=False)
            first = of(stand_in, f"{first.reason}: {stand_in.label()} stands in")
        return [first, *map(of, request.also)]

    def _change(self, chunk: Tensor, before: Before | None, rows: slice) -> tuple[Tensor, str]:
        """See change_of, in normalised units."""
        change, why_not = change_of(self._preparation.unnormalised(chunk), before, rows)
        unit = np.where(self._unit == 0, 1, self._unit)
        return torch.as_tensor(change / unit).to(chunk), why_not

    def _result(self, aim: Aim, way: Tensor, total: Tensor) -> Attribution:
        """Of one target: the way and the sum of gradients (1, S, N, ...) over the points."""
        if aim.request.method == CONTRIBUTION:
            ways, totals = (
                [part[:, :, n].flatten(1, 2) for n in range(part.shape[2])] for part in (way, total)
            )
            return pixels_of(self._spec, aim, ways, totals, aim.start)
        scale = aim.scale / aim.request.points
        parts = _cells(way * total).sum(dim=1)[0] * scale  # (cells, C), over the history
        first = self._spec.layout.cameras[0].start
        return tokens_of(self._spec, aim, functional.pad(parts, (0, 0, first, 0)))


class _Configured:
    """What why_no_mean takes of a model."""

    def __init__(self, config: Any) -> None:
        self.config = config


def _cells(features: Tensor) -> Tensor:
    """(B, S, N, C, rows, cols) to (B, S, cells, C), camera by camera and row by row."""
    return features.flatten(4).transpose(3, 4).flatten(2, 3)
