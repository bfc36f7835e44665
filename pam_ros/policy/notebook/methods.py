# SPDX-License-Identifier: Apache-2.0
"""The methods that a policy has in a notebook; each is a function of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pam_ros.policy.short_names import short_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.hooks.cache import ActivationCache
    from pam_ros.policy.hooks.points import Hook, Names
    from pam_ros.policy.interface import EngineReport, Policy, PolicySpec
    from pam_ros.policy.notebook.glance import Glance
    from pam_ros.policy.notebook.patching import Patching


class InNotebooks:
    """Base of the adapters' policies. What it needs is imported when it is first asked for."""

    if TYPE_CHECKING:

        @property
        def spec(self) -> PolicySpec:
            """What it reads and writes."""
            ...

        @property
        def engine(self) -> EngineReport:
            """What computes its passes."""
            ...

    def look(self, observation: Any, method: str = "auto", **options: Any) -> Glance:
        """What it looks at in one observation; see pam_ros.policy.look for the options."""
        from pam_ros.policy.notebook.asking import look  # noqa: PLC0415

        return look(cast("Policy", self), observation, method, **options)

    def run_with_hooks(
        self, observation: Any, fwd_hooks: Sequence[tuple[str, Hook]] = (), **options: Any
    ) -> NDArray[np.float32]:
        """The chunk of a pass with hooks; see pam_ros.policy.run_with_hooks."""
        from pam_ros.policy.notebook.activations import run_with_hooks  # noqa: PLC0415

        return run_with_hooks(cast("Policy", self), observation, fwd_hooks, **options)

    def run_with_cache(
        self, observation: Any, names_filter: Names = None, **options: Any
    ) -> tuple[NDArray[np.float32], ActivationCache]:
        """The chunk and the activations of a pass; see pam_ros.policy.run_with_cache."""
        from pam_ros.policy.notebook.activations import run_with_cache  # noqa: PLC0415

        return run_with_cache(cast("Policy", self), observation, names_filter, **options)

    def patched(
        self, cache: ActivationCache, names: Names = None, rows: Sequence[int] | int | None = None
    ) -> AbstractContextManager[None]:
        """Passes inside have a cache's activations; see pam_ros.policy.patched."""
        from pam_ros.policy.notebook.activations import patched  # noqa: PLC0415

        return patched(cast("Policy", self), cache, names, rows)

    def heads_ablated(
        self, heads: Mapping[str, Sequence[int] | int], value: str = "zero"
    ) -> AbstractContextManager[None]:
        """Passes inside do without these heads; see pam_ros.policy.heads_ablated."""
        from pam_ros.policy.notebook.activations import heads_ablated  # noqa: PLC0415

        return heads_ablated(cast("Policy", self), heads, value)

    def edited(self, edit: EditTokens, layer: str | None = None) -> AbstractContextManager[None]:
        """Steps inside have a layer's tokens edited; see pam_ros.policy.edited."""
        from pam_ros.policy.notebook.activations import edited  # noqa: PLC0415

        return edited(cast("Policy", self), edit, layer)

    def activation_patching(
        self, clean: Any, corrupted: Any, names: Names = None, **options: Any
    ) -> Patching:
        """What each activation of a pass brings; see pam_ros.policy.activation_patching."""
        from pam_ros.policy.notebook.activations import activation_patching  # noqa: PLC0415

        return activation_patching(cast("Policy", self), clean, corrupted, names, **options)

    def __repr__(self) -> str:
        spec = self.spec
        name = Path(spec.name).name if Path(spec.name).is_absolute() else spec.name
        names = short_names(one.feature for one in spec.cameras)
        cameras = ", ".join(
            f"{names[one.feature]} {one.width}x{one.height}" for one in spec.cameras
        )
        reads = [cameras] if cameras else []
        reads += [f"state {spec.state_dim}"] if spec.state_dim else []
        reads += [f"environment {spec.environment_dim}"] if spec.environment_dim else []
        reads += ["words"] if spec.instruction else []
        return (
            f"<{type(self).__name__} {name}: reads {', '.join(reads)}; writes chunks of "
            f"{spec.chunk_size} x {spec.action_dim}; {self.engine.name} {self.engine.dtype} on "
            f"{spec.device}>"
        )
