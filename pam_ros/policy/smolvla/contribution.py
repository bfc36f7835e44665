# SPDX-License-Identifier: Apache-2.0
"""Contributions for SmolVLA: gradients of LeRobot's own pass, all denoising steps included.

    contribution          pixels: (picture - baseline) * gradient, through the vision tower
    token_contribution    the vision tower's tokens: (token - its baseline) * gradient, without it

The noise is held: that of the pass which is explained, for the baseline's chunk as well. The target
is a direction in the space of normalised chunks: for the whole chunk that of its difference from
the baseline's. Words and joint state do not move, so nothing falls on them.

A camera's cells of padding have tokens too. They move along with the others, since global attention
writes into them what the picture shows. Their part is in `total` and in no cell.

Gradients run on modules of their own, which share the weights with those that make the commands:
any thread may ask while another steps.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.attention.attribution import (
    CONTRIBUTION,
    RUNNING_BASELINE,
    USUAL_BASELINE,
    Attribution,
)
from pam_ros.attention.maps import Missing
from pam_ros.policy.act.contribution_baselines import ENOUGH, RunningPictures
from pam_ros.policy.act.contribution_change import change_of
from pam_ros.policy.act.contribution_parts import middles
from pam_ros.policy.act.contribution_result import together
from pam_ros.policy.act.mean_tokens import REFERENCE, MeanTokens
from pam_ros.policy.act.path import blurred, gradients
from pam_ros.policy.act.target import direction_of, rows_of
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.smolvla.contribution_result import Aim, Way, attribution_of
from pam_ros.policy.smolvla.prepare import as_array
from pam_ros.policy.smolvla.taps import untapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.attention.attribution import Target
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.policy.padded import PaddedCells
    from pam_ros.policy.smolvla.prepare import Inputs, Preparation

BLACK = "black"


class Contributor:
    """Contributions of one SmolVLA. Of any thread, beside its steps.

    Args:
        policy: lerobot's; it is copied, and its weights are shared.
        preparation: of its inputs.
        cells: of each camera.
        device: of the policy.
    """

    def __init__(
        self, policy: Any, preparation: Preparation, cells: Sequence[PaddedCells], device: str
    ) -> None:
        self._policy = untapped(policy)
        self._inner = self._policy.model.vlm_with_expert
        self._preparation = preparation
        self._cells = list(cells)
        self._device = device
        self._means = MeanTokens()
        self._running = RunningPictures()
        self._passing = threading.Lock()

    def contribute(
        self,
        spec: PolicySpec,
        inputs: Inputs,
        request: ContributionRequest,
        normalised: NDArray[np.float32] | None,
    ) -> Attribution:
        """The contributions on one observation; see abilities.Contributing.

        Args:
            spec: of the pass.
            inputs: of the pass, its noise included.
            request: one that why_not passes.
            normalised: (C, A), the chunk of the pass; None: it is computed.
        """
        with self._passing, gradients(self._device, exact=False):
            with torch.no_grad():
                way = self._way(inputs, request)
                begun = self._chunk(inputs, request.method, way.starts)
                ended = self._chunk(inputs, request.method, way.ends)
            if not torch.isfinite(ended - begun).all():
                message = f"{spec.name} predicted a chunk that is not finite on this observation"
                raise PolicyError(message)
            aims = [self._aim(spec, request, request.target, begun, ended)]
            missing = aims[0]
            if isinstance(missing, Missing):
                stand_in = replace(request.target, change=False)
                instead = self._aim(spec, request, stand_in, begun, ended)
                assert isinstance(instead, Aim)
                reason = f"{missing.reason}: {stand_in.label()} stands in"
                aims = [instead._replace(reason=reason)]
            aims += [self._aim(spec, request, each, begun, ended) for each in request.also]
            asked = [aim for aim in aims if isinstance(aim, Aim)]
            totals = self._gradients(inputs, request, way, asked)
        difference = np.nan
        if request.complete and normalised is not None:
            difference = float(np.abs(as_array(ended) - normalised).max())
        change = (ended - begun).double()
        found = iter(
            attribution_of(spec, self._cells, request, way, aim, total, change, difference)
            for aim, total in zip(asked, totals, strict=True)
        )
        first, *others = [one if isinstance(one, Missing) else next(found) for one in aims]
        assert isinstance(first, Attribution)
        return together(first, others, spec.name)

    def mean_tokens(self, inputs: Sequence[Inputs]) -> NDArray[np.float32]:
        """The pictures' mean tokens (cells, dim): see abilities.Contributing."""
        means = MeanTokens()
        with self._passing, torch.no_grad():
            for each in inputs:
                means.add(torch.cat(self._tokens(each.batch), dim=1))
        return as_array(means.value[0])

    def compare_with(self, means: NDArray[np.float32] | None, name: str) -> None:
        """Take these as the baseline of tokens; see abilities.Contributing."""
        if means is None:
            self._means = MeanTokens()
            return
        count = sum(cells.rows * cells.cols for cells in self._cells)
        dim = int(self._inner.config.text_config.hidden_size)
        if means.shape != (count, dim) or not np.isfinite(means).all():
            message = f"mean tokens of shape {means.shape} must have {(count, dim)} for {name}"
            raise PolicyError(f"{message}, and be finite")
        self._means = MeanTokens(torch.tensor(means, dtype=torch.float32)[None])

    @property
    def tokens_compared_with(self) -> str:
        """See abilities.Contributing."""
        return self._means.kind

    def _way(self, inputs: Inputs, request: ContributionRequest) -> Way:
        images = [inputs.batch[cells.camera.feature] for cells in self._cells]
        black = [torch.zeros_like(image) for image in images]
        if request.method == CONTRIBUTION:
            baseline, reason = request.baseline, ""
            if request.pictures is not None:
                given = self._preparation.pictures(request.pictures, inputs.words)
                starts = [given[cells.camera.feature] for cells in self._cells]
                return Way(starts, images, baseline)
            if baseline == RUNNING_BASELINE:
                means, count = self._running.add(images, request.episode)
                if count >= ENOUGH:
                    return Way(means, images, baseline)
                baseline = USUAL_BASELINE
                reason = (
                    f"baseline '{RUNNING_BASELINE}' needs {ENOUGH} pictures of the episode, this "
                    f"is number {count}: {baseline} stands in"
                )
            starts = black if baseline == BLACK else [blurred(image) for image in images]
            return Way(starts, images, baseline, reason)
        tokens = self._tokens(inputs.batch)
        dark = self._tokens({**inputs.batch, **_named(self._cells, black)})
        others, name = self._means.baseline(torch.cat(tokens, dim=1), torch.cat(dark, dim=1))
        sizes = [each.shape[1] for each in tokens]
        parts: Sequence[Tensor] = torch.split(others, sizes, dim=1)  # type: ignore[no-untyped-call]
        return Way(
            [part.to(tokens[0]) for part in parts],
            tokens,
            BLACK if name == REFERENCE else name,
        )

    def _tokens(self, batch: dict[str, Tensor]) -> list[Tensor]:
        """(1, cells, dim) of each camera, as the connector gives them."""
        images, _ = self._policy.prepare_images(dict(batch))
        return [self._inner.embed_image(image) for image in images[: len(self._cells)]]

    def _chunk(self, inputs: Inputs, method: str, moving: Sequence[Tensor]) -> Tensor:
        """(C, A) normalised, of other pictures or other tokens of pictures."""
        batch = {name: tensor.clone() for name, tensor in inputs.batch.items()}
        if method == CONTRIBUTION:
            batch.update(_named(self._cells, moving))
            return self._run(batch, inputs.noise)
        given, embed = iter(moving), self._inner.embed_image
        # An empty camera's slot comes after those of the cameras, and is embedded as it is.
        self._inner.embed_image = lambda image: _next(given, embed, image)
        try:
            return self._run(batch, inputs.noise)
        finally:
            del self._inner.embed_image

    def _run(self, batch: dict[str, Tensor], noise: Tensor) -> Tensor:
        # predict_action_chunk is the same without gradients.
        noise = noise.clone()  # it may be of inference mode
        prepared = self._policy._prepare_batch(batch)  # noqa: SLF001
        chunk: Tensor = self._policy._get_action_chunk(prepared, noise)  # noqa: SLF001
        return chunk[0].float()

    def _gradients(
        self, inputs: Inputs, request: ContributionRequest, way: Way, aims: Sequence[Aim]
    ) -> list[list[Tensor]]:
        """For each target the sum over points of the gradients for what moves."""
        totals = [[torch.zeros_like(end) for end in way.ends] for _ in aims]
        for point in middles(request.points):
            leaves = [
                torch.lerp(start, end, point).requires_grad_()
                for start, end in zip(way.starts, way.ends, strict=True)
            ]
            chunk = self._chunk(inputs, request.method, leaves)
            for index, aim in enumerate(aims):
                found = torch.autograd.grad(
                    (chunk * aim.direction).sum(), leaves, retain_graph=index + 1 < len(aims)
                )
                for total, gradient in zip(totals[index], found, strict=True):
                    total += gradient  # noqa: PLW2901  (in place)
        return totals

    def _aim(
        self,
        spec: PolicySpec,
        request: ContributionRequest,
        target: Target,
        begun: Tensor,
        ended: Tensor,
    ) -> Aim | Missing:
        rows, way = rows_of(target, spec), ended - begun
        ends = torch.zeros(2, spec.action_dim, device=ended.device)
        ends[1] = 1.0
        low, high = self._preparation.unnormalised(ends)
        unit = high - low
        if target.change:
            now = self._preparation.unnormalised(ended)
            change, why_not = change_of(now, request.before, rows)
            if why_not:
                return Missing(target.label(), why_not)
            way = torch.as_tensor(change / np.where(unit == 0, 1, unit)).to(ended)
        scale = 1.0 if target.joint is None else float(unit[target.joint])
        return Aim(target, direction_of(target, rows, way), scale, "")


def _named(cells: Sequence[PaddedCells], images: Sequence[Tensor]) -> dict[str, Tensor]:
    return {grid.camera.feature: image for grid, image in zip(cells, images, strict=True)}


def _next(given: Any, embed: Any, image: Tensor) -> Tensor:
    tokens = next(given, None)
    found: Tensor = embed(image) if tokens is None else tokens
    return found
