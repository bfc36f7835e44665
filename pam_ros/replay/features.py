# SPDX-License-Identifier: Apache-2.0
"""Sparse features of replayed ticks, as the sidecar writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.robot.topics import RECORDER
from pam_ros.sae.store.tokens import parse_sampler, token_table
from pam_ros.tick.feature_encoding import FeatureEncoding
from pam_ros.tick.token_activations import fill_tokens

if TYPE_CHECKING:
    from pam_ros.policy.act.policy import ActPolicy
    from pam_ros.replay.messages import Messages
    from pam_ros.tick.loop import TickOutcome

FEATURES, TOKENS = "pam_ros/msg/SaeFeatures", "pam_ros/msg/TokenActivations"
TOPIC = f"{RECORDER}/features"
MEMORY = 256
"""Ticks that run again after a stop: the out-of-distribution score looks back over a window."""


class Features:
    """One SAE on the tokens of the layer and sampler that it was trained on.

    Raises:
        ReplayError: it cannot be loaded, or does not fit the policy.
    """

    def __init__(self, folder: str, policy: ActPolicy, messages: Messages) -> None:
        path = Path(folder).expanduser()
        self._encoding = FeatureEncoding(path, lambda: messages.new(FEATURES))
        given = self._encoding.provenance
        self._layer = policy.tokens_layer if given is None else given.layer
        self._sampler = parse_sampler("all" if given is None else given.sampler)
        self._encoding.check_fits(policy.spec.sha256, self._layer)
        policy.take_tokens(self._layer)
        self._spec = policy.spec
        self._table = token_table(policy.spec.layout)
        self._messages = messages
        self.no_score = self._encoding.no_score

    @property
    def lost(self) -> int:
        """Ticks missing so far."""
        return self._encoding.lost.total

    @lost.setter
    def lost(self, total: int) -> None:
        self._encoding.lost.total = total

    def message(self, outcome: TickOutcome, header: Any) -> Any:
        """The SaeFeatures of a tick; header: that of its AttentionMap."""
        tokens = self._messages.new(TOKENS)
        tokens.header = header
        fill_tokens(tokens, outcome, self._spec, self._layer, self._sampler, self._table)
        return self._encoding.encode(tokens)
