# SPDX-License-Identifier: Apache-2.0
"""Sparse features of replayed ticks, as the sidecar writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.policy.abilities import TOKENS_LAYER, TokenReading, take_tokens
from pam_ros.robot.topics import RECORDER
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.feature_encoding import FeatureEncoding
from pam_ros.tick.token_activations import TokenMaker

if TYPE_CHECKING:
    from pam_ros.attention.layout import TokenLayout
    from pam_ros.bags.messages import Messages
    from pam_ros.message_types.std_msgs import Header
    from pam_ros.policy.interface import Policy
    from pam_ros.tick.loop import TickOutcome

TOPIC = f"{RECORDER}/features"
MEMORY = 256
"""Ticks that run again after a stop: the out-of-distribution score looks back over a window."""


class Features:
    """One SAE on the tokens of the layer and sampler that it was trained on.

    Raises:
        ReplayError: it cannot be loaded, or does not fit the policy.
    """

    def __init__(self, folder: str, policy: Policy, messages: Messages) -> None:
        path = Path(folder).expanduser()
        self._encoding = FeatureEncoding(path, messages)
        given = self._encoding.provenance
        layer = _layer(policy) if given is None else given.layer
        sampler = parse_sampler("all" if given is None else given.sampler)
        self._encoding.check_fits(policy.spec.sha256, layer)
        take_tokens(policy, layer)
        self._tokens = TokenMaker(messages, policy.spec, layer, sampler)
        self.no_score = self._encoding.no_score

    @property
    def lost(self) -> int:
        """Ticks missing so far."""
        return self._encoding.lost.total

    def count_lost_from(self, total: int) -> None:
        """Count on from what was missing before the replay was stopped."""
        self._encoding.lost.go_on_from(total)

    def message(self, outcome: TickOutcome, header: Header, layout: TokenLayout) -> Any:
        """The SaeFeatures of a tick; header: that of its AttentionMap, layout: of its tokens."""
        return self._encoding.encode(self._tokens.make(outcome, header, layout))


def _layer(policy: Policy) -> str:
    return policy.tokens_layer if isinstance(policy, TokenReading) else TOKENS_LAYER
