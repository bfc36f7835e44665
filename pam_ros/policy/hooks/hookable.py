# SPDX-License-Identifier: Apache-2.0
"""The part of a policy that has hook points; see abilities.Hooking."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.policy.hooks.points import Here, no_such_point
from pam_ros.policy.hooks.sites import Passes
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from pam_ros.policy.hooks.points import Hook, HookPoint
    from pam_ros.policy.hooks.sites import Site, Visitor
    from pam_ros.policy.interface import PolicySpec


class Hookable:
    """Base of an adapter's policy: it says where its sites are, and when a pass begins."""

    _found_sites: Mapping[str, Site] | None = None
    _hooked = 0
    """How many contexts are open: what is not hooked runs as if there were no hooks at all."""
    _hooked_passes: Passes | None = None

    if TYPE_CHECKING:

        @property
        def spec(self) -> PolicySpec:
            """What it reads and writes."""
            ...

    def _sites(self) -> Sequence[Site]:
        """Every site, in the order of the pass. Asked once."""
        raise NotImplementedError

    @property
    def hook_points(self) -> Mapping[str, HookPoint]:
        """What has a name, in the order of the pass."""
        points = {name: site.point for name, site in self._by_name().items()}
        return MappingProxyType(points)

    @contextmanager
    def hooks(self, fwd_hooks: Sequence[tuple[str, Hook]]) -> Iterator[None]:
        """Passes inside call these hooks; see abilities.Hooking."""
        sites = self._by_name()
        for name, _ in fwd_hooks:
            if name not in sites:
                raise PolicyError(f"{self.spec.name}: {no_such_point(sites, name)}")
        with ExitStack() as attached:
            if self._hooked_passes is None:
                self._hooked_passes = Passes()
            for name, hook in fwd_hooks:
                visit = _visitor(sites[name].point, hook)
                attached.callback(sites[name].attach(visit, self._hooked_passes))
            self._hooked += 1
            try:
                yield
            finally:
                self._hooked -= 1

    def why_hooked(self, what: str) -> str:
        """Why there are none of these while hooks are open; empty where none is."""
        if not self._hooked:
            return ""
        return f"{what} are of the policy as it is: ask for them outside of hooks"

    def refuse_hooked(self, what: str) -> None:
        """Raise PolicyError while hooks are there: `what` is of the policy as it is."""
        reason = self.why_hooked(what)
        if reason:
            raise PolicyError(reason)

    def _begin_pass(self) -> None:
        """To be called before each pass that hooks may see."""
        if self._hooked_passes is not None:
            self._hooked_passes.begin()

    def _by_name(self) -> Mapping[str, Site]:
        if self._found_sites is None:
            found: dict[str, Site] = {}
            for site in self._sites():
                name = site.point.name
                if name in found:
                    raise PolicyError(f"{self.spec.name} has two activations of the name {name!r}")
                found[name] = site
            self._found_sites = found
        return self._found_sites


def _visitor(point: HookPoint, hook: Hook) -> Visitor:
    def visit(activation: Tensor, step: int) -> Tensor:
        # A copy: lerobot adds to some of them in place later, and a pass without gradients gives
        # tensors that nothing can be trained on.
        with torch.inference_mode(mode=False):
            given = activation.clone()
        new: Any = hook(given, Here(point.name, step))
        if new is None:
            return activation
        if tuple(getattr(new, "shape", ())) != tuple(activation.shape):
            form = tuple(new.shape) if hasattr(new, "shape") else type(new).__name__
            message = (
                f"the hook at {point.name} returned {form}: it must return None or a tensor of "
                f"shape {tuple(activation.shape)}"
            )
            raise PolicyError(message)
        # A tensor of its own, since the hook may have kept this one.
        replaced: Tensor = new.to(activation).clone()
        return replaced

    return visit
