# SPDX-License-Identifier: Apache-2.0
"""The out-of-distribution detector beside a live SAE."""

from types import SimpleNamespace

import numpy as np
from sae_folder import LAYER, POLICY, tokens_message

from pam_ros.sae.ood.detector import OodState
from pam_ros.sae.ood.file import OodIdentity


class CountingDetector:
    """Scores 1, 2, 3, ... since the episode began; flags above 2."""

    def __init__(self, sae) -> None:
        identity = OodIdentity(POLICY, LAYER, "all", sae.sha256, "0.1.0")
        self.model = SimpleNamespace(identity=identity)
        self.count = 0

    def reset(self) -> None:
        self.count = 0

    def update(self, rows, table, features) -> OodState:
        assert len(rows) == len(table) == len(features.code.offset) - 1
        self.count += 1
        return OodState(float(self.count), self.count > 2, 2.0, "top error")


def test_a_detector_scores_ticks_of_its_sampler_and_forgets_at_each_episode(
    sidecar, sae, monkeypatch
):
    from pam_ros.tick import feature_encoding

    (sae / "ood.json").write_text("{}")
    monkeypatch.setattr(feature_encoding, "load_detector", lambda _, sae: CountingDetector(sae))
    robot = sidecar()
    seen = [robot.tick(tokens_message(tick)) for tick in range(3)]
    assert [message.ood_score for message in seen] == [1.0, 2.0, 3.0]
    assert [message.out_of_distribution for message in seen] == [False, False, True]
    assert seen[0].ood_threshold == 2.0
    assert len(seen[0].code_offset) == 0
    robot.wait(lambda: any("training set: top error" in text for _, text, _ in robot.reports))
    episode = tokens_message(3)
    episode.episode = 3
    assert robot.tick(episode).ood_score == 1.0
    other = tokens_message(4)
    other.sampler = "stride(2)"
    message = robot.tick(other)
    assert message.valid
    assert np.isnan(message.ood_score)
    robot.wait(
        lambda: "not stride(2)" in robot.reports[-1][2].get("no_out_of_distribution_score", "")
    )
    # The right tokens again: scored again, from the beginning.
    assert robot.tick(tokens_message(5)).ood_score == 1.0


def test_a_tick_that_was_overtaken_has_no_score_and_disturbs_none(sidecar, sae, monkeypatch):
    from pam_ros.tick import feature_encoding

    (sae / "ood.json").write_text("{}")
    monkeypatch.setattr(feature_encoding, "load_detector", lambda _, sae: CountingDetector(sae))
    robot = sidecar()
    # A tick without tokens may come before the one whose pass ran meanwhile.
    skipped = tokens_message(2)
    skipped.valid, skipped.invalid_reason = False, "inference skipped"
    seen = [robot.tick(one) for one in (tokens_message(0), skipped, tokens_message(1))]
    np.testing.assert_equal([one.ood_score for one in seen], [1.0, np.nan, 2.0])
    new_episode = tokens_message(5)
    new_episode.episode = 3
    assert robot.tick(new_episode).ood_score == 1.0
    overtaken = robot.tick(tokens_message(4))
    assert overtaken.valid and len(overtaken.feature)
    assert np.isnan(overtaken.ood_score) and not overtaken.out_of_distribution
    new_episode.tick = 6
    assert robot.tick(new_episode).ood_score == 2.0
    # The policy begins anew: a lower number, but a newer observation.
    again = tokens_message(0)
    again.header.stamp.sec = 1000
    again.episode = 3
    assert robot.tick(again).ood_score == 1.0
