# SPDX-License-Identifier: Apache-2.0
"""TokenActivations to SaeFeatures by one SAE, which is held against every policy that it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pam_ros.lost_ticks import LostTicks
from pam_ros.nodes.feature_messages import (
    TokenError,
    features_message,
    invalid_features,
    read_tokens,
)
from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.msg import SaeFeatures, TokenActivations
    from pam_ros.sae.encoder import TickFeatures


class Detector(Protocol):
    """Says how unusual the last ticks are."""

    threshold: float

    def update(self, rows: NDArray[np.float16], features: TickFeatures) -> tuple[float, bool]:
        """Take one tick; returns the score, and whether it is above the threshold."""
        ...


class FeatureEncoding:
    """Not thread-safe: one caller.

    Raises:
        SaeError: the folder holds no SAE that can be used.
    """

    def __init__(
        self, folder: Path, *, full_code: bool = False, detector: Detector | None = None
    ) -> None:
        self._folder = folder
        sae = load_sae(folder)
        self.name = folder.resolve().name
        self.sha256: str = sae.sha256
        self.dictionary_size: int = sae.cfg.d_sae
        self._encoder = TickEncoder(sae, full_code=full_code)
        self._detector = detector
        self._checked: tuple[Any, ...] | None = None
        self.lost = LostTicks()
        self.refusal = ""

    def encode(self, tokens: TokenActivations) -> SaeFeatures:
        """The features of one tick; one that cannot be encoded says why, and nothing is raised."""
        self.lost.note(int(tokens.tick))
        message = self._encode(tokens)
        message.sae_sha256, message.sae_name = self.sha256, self.name
        message.lost_ticks = self.lost.total
        return message

    def _encode(self, tokens: TokenActivations) -> SaeFeatures:
        try:
            read = read_tokens(tokens)
        except TokenError as error:
            return invalid_features(tokens, str(error))
        self._check(tokens)
        if self.refusal:
            return invalid_features(tokens, self.refusal)
        features = self._encoder.encode(read.rows, read.table)
        message = features_message(tokens, features, self.dictionary_size)
        if self._detector is not None:
            score, flagged = self._detector.update(read.rows, features)
            message.ood_score, message.out_of_distribution = score, flagged
            message.ood_threshold = self._detector.threshold
        return message

    def _check(self, tokens: TokenActivations) -> None:
        """Hold the SAE against the policy, once for each that comes."""
        identity = (tokens.policy_sha256, tokens.layer, int(tokens.width))
        if identity == self._checked:
            return
        self._checked = identity
        sha256, layer, width = identity
        try:
            load_sae(self._folder, policy_sha256=sha256, layer=layer, width=width)
        except SaeError as error:
            self.refusal = str(error)
        else:
            self.refusal = ""
