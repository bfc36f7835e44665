# SPDX-License-Identifier: Apache-2.0
"""Ticks with and without features add up, by reason, on /diagnostics and at the end."""

import numpy as np
from sae_folder import POLICY, WIDTH, tokens_message

from pam_ros.msg import TokenActivations
from pam_ros.nodes.recorders.tick_counts import OTHERS, TickCounts


def test_every_tick_is_counted_once_with_its_reason(sidecar):
    robot = sidecar()
    queued = "the policy executes an older chunk"
    for tick in range(6):
        if tick % 2:
            skipped = TokenActivations(tick=tick, policy_sha256=POLICY, invalid_reason=queued)
            assert not robot.tick(skipped).valid
        else:
            assert robot.tick(tokens_message(tick)).valid
    rows = np.ones((8, WIDTH))
    rows[4, 5] = np.nan
    assert not robot.tick(tokens_message(9, rows)).valid

    def told(_level, _text, values):
        return values.get("ticks") == "7"

    robot.wait(lambda: any(told(*report) for report in robot.reports))
    # That one may have been made while the last tick was being counted.
    before = len(robot.reports)
    robot.wait(lambda: len(robot.reports) > before)
    values = robot.reports[-1][2]
    assert values["ticks"] == "7"
    assert values["ticks_with_features"] == "3"
    assert values["invalid_ticks"] == "4"
    assert values["lost_ticks"] == "3"  # 6, 7 and 8
    assert values[f"without_features: {queued}"] == "3"
    assert sum(int(v) for k, v in values.items() if k.startswith("without_features: ")) == 4
    sentence = robot.node._counts.sentence(3)
    assert sentence.startswith(
        f"3 of 7 ticks have features; without: 3 ({queued}), 1 (an activation"
    )
    assert sentence.endswith("; 3 ticks never arrived")


def test_reasons_that_differ_in_numbers_are_one_and_their_number_is_bounded():
    counts = TickCounts()
    for tick in range(50):
        counts.note(f"tick {tick} failed after {tick / 7:.3f} s")
    assert dict(counts.without) == {"tick N failed after N s": 50}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        counts.note(f"reason {letter}")
    assert len(counts.without) == 21
    assert counts.without[OTHERS] == 26 - 19
    counts.note()
    assert (counts.encoded, counts.missing, counts.total) == (1, 76, 77)
    assert TickCounts().sentence(0) == "0 of 0 ticks have features"
