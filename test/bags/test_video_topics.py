# SPDX-License-Identifier: Apache-2.0
"""What a bag's reader knows of packets of video; test/replay has whole recordings of them."""

from __future__ import annotations

import pytest

from pam_ros.bags.types import known_types
from pam_ros.robot.contract import VIDEO_TYPES
from rclpy_cyclone.types.interfaces import interfaces


@pytest.mark.parametrize("name", VIDEO_TYPES)
def test_their_types_are_those_of_the_embedded_runtime(name):
    assert known_types().hash_rihs01(name) == interfaces.type_hash(name)
