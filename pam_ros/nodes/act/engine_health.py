# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says of the engine, and of its precision on the robot's own observations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.nodes.kit.said import Said
from pam_ros.policy.abilities import PrecisionMeasuring
from pam_ros.policy.engines.names import CHECKED_FIRST, CHUNK_LIMIT
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.policy.interface import Policy, PrecisionError

OBSERVATIONS = 5


class EngineHealth:
    """Measures a reduced precision on the first OBSERVATIONS while nothing is commanded.

    A node that is enabled from the start measures once it is disabled, and says so until then.
    Beyond CHUNK_LIMIT the robot is not enabled, nor before a dtype of CHECKED_FIRST was measured.
    """

    def __init__(self, node: Node, policy: Policy) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._policy = policy
        self._measuring = policy if isinstance(policy, PrecisionMeasuring) else None
        self._left = OBSERVATIONS
        self._errors: list[PrecisionError] = []
        self._failure = ""
        self._checked_first = policy.engine.dtype in CHECKED_FIRST
        if policy.engine.dtype == "float32":
            self._left = 0
        elif self._measuring is None:
            self._left, self._failure = 0, "this policy does not compare itself with float32"

    def look_at(self, features: Mapping[str, NDArray[np.generic]]) -> str:
        """Compare the engine with float32 on an observation, while there is need of it.

        It takes about two forward passes: call it where no command waits. Gives why the engine
        must not move the robot, as why_not_enabled.
        """
        if self._left == 0 or self._measuring is None:
            return ""
        self._left -= 1
        try:
            self._errors.append(self._measuring.precision_error(features))
        except PolicyError as error:
            self._failure = str(error)
            self._node.get_logger().warning(f"precision not measured: {error}")
            # Without one the robot could never be enabled.
            self._left += self._checked_first
        else:
            too_far = self._too_far()
            if too_far:
                self._said.error(too_far)
        if self._left == 0 and self._errors:
            chunk, attention = self._worst()
            self._node.get_logger().info(
                f"{self._policy.engine.dtype} against float32 on {len(self._errors)} observations "
                f"of this robot: actions differ by up to {chunk:.2g} (normalised units), attention "
                f"weights by up to {attention:.2g}"
            )
        return self.why_not_enabled()

    def check_first(self, features: Mapping[str, NDArray[np.generic]]) -> None:
        """Measure once before the first command of all, where the dtype asks for that."""
        if self._checked_first and not self._errors:
            self.look_at(features)

    def why_not_enabled(self) -> str:
        """A sentence, if the engine must not move the robot; empty if it may."""
        if self._errors:
            too_far = self._too_far()
            return too_far and f"not enabled: {too_far}"
        if not self._checked_first:
            return ""
        dtype, why = self._policy.engine.dtype, self._failure or "that takes one good tick"
        return f"not enabled: {dtype} was not compared with float32 on this robot yet: {why}"

    def _too_far(self) -> str:
        if all(error.chunk <= CHUNK_LIMIT for error in self._errors):
            return ""
        worst, _ = self._worst()
        dtype = self._policy.engine.dtype
        cure = "set dtype: float32"
        if dtype in CHECKED_FIRST:
            cure = "run pam_ros quantise on what this robot sees now, or set dtype: bfloat16"
        return (
            f"{dtype} differs from float32 by {worst:.2g} in the actions (normalised units; at "
            f"most {CHUNK_LIMIT:g}) on what this robot sees: {cure}"
        )

    def values(self, *, commanding: bool) -> dict[str, object]:
        """For /diagnostics."""
        engine = self._policy.engine
        shown: dict[str, object] = {
            "engine": engine.name,
            "engine_dtype": engine.dtype,
            "engine_warmup_s": f"{engine.warmup_seconds:.2f}",
            "engine_reason": engine.reason,
        }
        if self._errors:
            chunk, attention = self._worst()
            shown["precision_error_observations"] = len(self._errors)
            shown["precision_error_chunk"] = f"{chunk:.3g}"
            shown["precision_limit_chunk"] = f"{CHUNK_LIMIT:g}"
            shown["precision_error_attention"] = f"{attention:.3g}"
        elif engine.dtype != "float32":
            shown["precision_error"] = f"not measured: {self._why_not(commanding)}"
        return shown

    def _why_not(self, commanding: bool) -> str:
        if self._failure:
            return self._failure
        if commanding:
            return (
                "the node was enabled from the start; it is measured on the first "
                f"{OBSERVATIONS} good ticks while disabled"
            )
        return f"no good tick yet; it takes the first {OBSERVATIONS} while disabled"

    def _worst(self) -> tuple[float, float]:
        errors = list(self._errors)
        return _largest(e.chunk for e in errors), _largest(e.attention for e in errors)


def _largest(values: Iterable[float]) -> float:
    """NaN if one of them is, which max() may pass over."""
    found = list(values)
    return math.nan if any(map(math.isnan, found)) else max(found)
