# SPDX-License-Identifier: Apache-2.0
"""TokenActivations to SaeFeatures by one SAE, which is held against every policy that it meets.

The live sidecar and the replay of a recording run this same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.sae.disk import check_fits, load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.tick.lost import LostTicks
from pam_ros.tick.sae_features import (
    SAE_FEATURES,
    TokenError,
    fill_features,
    fill_invalid,
    read_tokens,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.message_types.pam_ros import SaeFeatures, TokenActivations
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.encoder import TickFeatures
    from pam_ros.sae.ood.detector import OodDetector
    from pam_ros.tick.port import MessagePort
    from pam_ros.tick.sae_features import TickTokens

_DETECTOR = "ood.json"


class FeatureEncoding:
    """Not thread-safe: one caller.

    Args:
        folder: of the SAE.
        port: makes empty messages.
        full_code: whether the messages carry the whole sparse code.

    refusal: why the SAE does not fit the policy, empty where it does. no_score: why no
    out-of-distribution score is given. unusual: the detector's reason for the last tick, empty
    where it is not above the threshold.

    Raises:
        SaeError: the folder holds no SAE that can be used, or a damaged detector.
    """

    def __init__(self, folder: Path, port: MessagePort, *, full_code: bool = False) -> None:
        self._folder = folder
        self._port = port
        self._sae: SAE = load_sae(folder)
        self.name = folder.resolve().name
        self.sha256: str = self._sae.sha256
        self.dictionary_size: int = self._sae.cfg.d_sae
        self.provenance = self._sae.cfg.provenance
        self._with_code = full_code
        self._loaded = load_detector(folder, self._sae) if (folder / _DETECTOR).is_file() else None
        scores = self._loaded is not None
        self._encoder = TickEncoder(self._sae, full_code=full_code or scores)
        self._detector: OodDetector | None = None
        self._checked: tuple[str, str, int, str] | None = None
        # Episode and number of the tick that was scored last.
        self._scored = (-1, -1)
        self.lost = LostTicks()
        self.refusal = ""
        self.no_score = "" if scores else f"{self.name} holds no detector"
        self.unusual = ""

    def check_fits(self, policy_sha256: str, layer: str) -> None:
        """Hold the SAE against a policy and a layer.

        Raises:
            SaeError: it was trained on another.
        """
        check_fits(self._folder, self._sae.cfg, policy_sha256, layer, self._sae.cfg.d_in)

    def encode(self, tokens: TokenActivations) -> Any:
        """The features of one tick; one that cannot be encoded says why, and nothing is raised.

        Ticks may come in any order. One that was overtaken by one that has a score gets none: the
        score looks back over ticks in their order.
        """
        self.lost.note(int(tokens.tick), stamp_nanoseconds(tokens.header.stamp))
        message = self._encode(tokens)
        message.sae_sha256, message.sae_name = self.sha256, self.name
        message.lost_ticks = self.lost.total
        return message

    def _encode(self, tokens: TokenActivations) -> SaeFeatures:
        try:
            read = read_tokens(tokens)
            self._check(tokens)
            if self.refusal:
                return self._invalid(tokens, self.refusal)
            features = self._encoder.encode(read.rows, read.table)
        except (TokenError, SaeError) as error:
            return self._invalid(tokens, str(error))
        message: SaeFeatures = self._port.new(SAE_FEATURES)
        fill_features(message, tokens, features, self.dictionary_size, with_code=self._with_code)
        self._score(message, read, features)
        return message

    def _invalid(self, tokens: TokenActivations, reason: str) -> SaeFeatures:
        message: SaeFeatures = self._port.new(SAE_FEATURES)
        fill_invalid(message, tokens, reason)
        return message

    def _score(self, message: SaeFeatures, read: TickTokens, features: TickFeatures) -> None:
        self.unusual = ""
        episode, newest = self._scored
        overtaken = message.tick < newest
        if self._detector is None or (overtaken and self.lost.late):
            return
        # A lower number that is not late is of a policy that began anew.
        if message.episode != episode or overtaken:
            self._detector.reset()
        self._scored = message.episode, message.tick
        try:
            state = self._detector.update(read.rows, read.table, features)
        except SaeError as error:
            self._detector, self.no_score = None, str(error)
            return
        message.ood_score, message.ood_threshold = state.score, state.threshold
        message.out_of_distribution = state.flagged
        self.unusual = state.reason if state.flagged else ""

    def _check(self, tokens: TokenActivations) -> None:
        """Hold the SAE and its detector against the policy, once for each that comes."""
        identity = (tokens.policy_sha256, tokens.layer, int(tokens.width), tokens.sampler)
        if identity == self._checked:
            return
        self._checked = identity
        sha256, layer, width, sampler = identity
        self.refusal, self._detector = "", None
        try:
            check_fits(self._folder, self._sae.cfg, sha256, layer, width, sampler)
        except SaeError as error:
            self.refusal = str(error)
            return
        if self._loaded is None:
            return
        try:
            self._loaded.model.identity.check(sha256, layer, sampler)
        except SaeError as error:
            self.no_score = str(error)
        else:
            self._detector, self.no_score = self._loaded, ""
            self._detector.reset()


def load_detector(folder: Path, sae: SAE) -> OodDetector:
    """The detector beside an SAE.

    Raises:
        SaeError: it is damaged, or was fitted with another SAE.
    """
    from pam_ros.sae.ood.detector import OodDetector  # noqa: PLC0415  (few SAEs have one)

    return OodDetector.load(folder, sae)
