# SPDX-License-Identifier: Apache-2.0
"""Ablates, scales or steers one SAE feature inside the running policy, for experiments.

What the arm does is no longer what the policy was trained for: nothing happens unless `allow_edits`
is true as well.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.nodes.kit.parameters import Declared, ParameterError
from pam_ros.policy.abilities import Instructed, TokenEditing
from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.interface import Policy
    from pam_ros.tick.outcome import TickOutcome

PERIOD = 1.0
"""Seconds between two comparisons with the unedited policy: each is one more forward pass."""

TABLE = (
    Declared("allow_edits", False, "Let edit_feature change what the policy does."),
    Declared("edit_sae", "", "Folder of the SAE whose feature is edited."),
    Declared("edit_feature", -1, "Feature to edit; -1: none.", True, -1, 10_000_000),
    Declared("edit_mode", "ablate", "What to do.", choices=("ablate", "scale", "steer")),
    Declared(
        "edit_amount",
        0.0,
        "scale: the factor. steer: what is added to each activation.",
        True,
        -1e6,
        1e6,
    ),
)


class FeatureEditing:
    """The edit, a loud line in the log, and what the chunk makes of it.

    Args:
        node: for its log.
        policy: edited here once and for all.
        values: of TABLE.

    Raises:
        ParameterError: an edit without `allow_edits`, or one that cannot be made.
    """

    def __init__(self, node: Node, policy: Policy, values: Mapping[str, Any]) -> None:
        self._policy: TokenEditing[Any] | None = None
        self._edit: EditTokens | None = None
        self._words = ""
        self._change = ""
        self._next = 0.0
        feature = values["edit_feature"]
        if feature < 0:
            return
        if not values["allow_edits"]:
            raise ParameterError(
                f"parameter 'edit_feature' is {feature}: an edited policy moves otherwise than it "
                "was trained to; set allow_edits to true as well"
            )
        if not isinstance(policy, TokenEditing):
            raise ParameterError("parameter 'edit_feature': this policy's tokens cannot be edited")
        self._policy = policy
        self._words = self._start(policy, values, feature)
        node.get_logger().warning(
            f"THE POLICY IS EDITED: {self._words}, on every token of layer "
            f"{policy.tokens_layer} in every pass. It does not act as it was trained to"
        )

    def look_at(self, features: Mapping[str, NDArray[np.generic]], outcome: TickOutcome) -> None:
        """After a tick, from time to time: how far its chunk is from the unedited policy's.

        Where a chunk depends on more than its observation, on noise, words or observations before,
        both are computed anew, so that they differ by the edit alone.
        """
        policy = self._policy
        if policy is None or outcome.output is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PERIOD
        spec, words = policy.spec, self._instruction
        prepared = policy.prepare([features])
        edited = outcome.output.chunk
        if spec.stochastic or spec.history > 1 or spec.instruction:
            edited = policy.forward(prepared, edit=self._edit).chunks[0]
        change = edited - policy.forward(prepared).chunks[0]
        if self._instruction == words:  # else the two passes may have read different ones
            self._change = f"{float(np.abs(change).max()):.4f}"

    @property
    def _instruction(self) -> str:
        return self._policy.instruction if isinstance(self._policy, Instructed) else ""

    def values(self) -> dict[str, object]:
        """For /diagnostics; empty where nothing is edited."""
        if not self._words:
            return {}
        return {"edit": self._words, "edit_chunk_change_max": self._change or "not measured yet"}

    def _start(self, policy: TokenEditing[Any], values: Mapping[str, Any], feature: int) -> str:
        from pam_ros.sae.disk import load_sae  # noqa: PLC0415  (only where something is edited)
        from pam_ros.sae.edit import make_edit  # noqa: PLC0415

        if not values["edit_sae"]:
            raise ParameterError("parameter 'edit_sae' is not set: name the SAE's folder")
        try:
            sae = load_sae(
                values["edit_sae"],
                policy_sha256=policy.spec.sha256,
                layer=policy.tokens_layer,
            )
            edit = make_edit(sae, values["edit_mode"], feature, values["edit_amount"])
        except SaeError as error:
            raise ParameterError(f"parameter 'edit_feature': {error}") from error
        policy.edit_tokens(edit)
        self._edit = edit
        return edit.words
