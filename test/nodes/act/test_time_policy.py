# SPDX-License-Identifier: Apache-2.0
"""The warning that a rate cannot be kept: of several passes, and of more where it is close."""

from types import SimpleNamespace

import pytest

from pam_ros.nodes.act import policy_start
from pam_ros.nodes.act.policy_start import PASSES, time_policy

PERIOD_S = 0.1


class Log:
    def __init__(self):
        self.warnings = []

    def get_logger(self):
        return SimpleNamespace(info=lambda _: None, warning=self.warnings.append)


def policy():
    return SimpleNamespace(
        spec=SimpleNamespace(name="p", device="cpu", chunk_mode="temporal_ensemble", cameras=(),
                             n_action_steps=1),
        engine=SimpleNamespace(name="eager", dtype="float32", warmup_seconds=0.0, reason="r",
                               could=()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("medians", "execution", "warned_of"),
    [
        ([0.08], "blocking", None),
        ([0.12, 0.06], "blocking", None),  # busy at first
        ([0.12, 0.11], "blocking", "110 ms (10 passes timed)"),
        ([0.12, 0.15], "blocking", "120 ms (10 passes timed)"),
        ([0.5], "blocking", "500 ms (5 passes timed)"),  # no load makes it five times as slow
        ([0.12], "async", None),
    ],
)
def test_a_rate_is_called_too_high_after_as_many_passes_as_it_takes(
    monkeypatch, medians, execution, warned_of
):
    asked = []

    def typical(_, passes):
        asked.append(passes)
        return medians[len(asked) - 1]

    monkeypatch.setattr(policy_start, "typical_forward_seconds", typical)
    log = Log()
    taken = time_policy(log, policy(), {"execution": execution}, PERIOD_S)
    assert taken == min(medians)
    assert asked == [PASSES] * len(medians)
    assert len(log.warnings) == (warned_of is not None)
    if warned_of:
        assert log.warnings[0].startswith(
            f"10.0 Hz cannot be kept: a forward pass takes {warned_of}"
        )
