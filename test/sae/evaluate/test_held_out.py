# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros.observations.simulator import RolloutSource
from pam_ros.sae.evaluate.held_out import overlap

ARM = "demo arm driven by the policy, seeds"
DATA = "LeRobot dataset pictures, episodes"


@pytest.mark.parametrize(
    ("training", "held_out", "shared"),
    [
        (f"{ARM} 500000 to 500399", f"{ARM} 500000 to 500199", True),
        (f"{ARM} 500000 to 500399", f"{ARM} 500399 to 500999", True),
        (f"{ARM} 500100 to 500199", f"{ARM} 500000 to 500999", True),
        (f"{ARM} 500000 to 500399", f"{ARM} 500400 to 500999", False),
        (f"{ARM} 500000 to 500399", f"{ARM} 20000 to 20259", False),
        (f"{ARM} 9 to 10", f"{ARM} 100 to 200", False),
        (f"{DATA} 0 to 9", f"{DATA} 0 to 3", True),
        (f"{DATA} 0 to 9", "LeRobot dataset other, episodes 0 to 3", False),
        (f"{DATA} 0 to 9", f"{ARM} 0 to 3", False),
        ("rosbags monday, tuesday (arm)", "rosbags tuesday (arm)", True),
        ("rosbags monday, tuesday (arm)", "rosbags wednesday (arm)", False),
        ("rosbags monday (arm)", "rosbags monday (other arm)", False),
        ("noise", "noise", True),
        ("noise", "silence", False),
    ],
)
def test_episodes_of_both_are_found_whichever_comes_first(training, held_out, shared):
    assert overlap(training, held_out) is shared
    assert overlap(held_out, training) is shared


def test_the_words_are_those_of_the_simulator():
    one, two, three = (
        RolloutSource(None, range(*seeds)).dataset for seeds in ((5, 9), (8, 20), (9, 20))
    )
    assert overlap(one, two)
    assert not overlap(one, three)
