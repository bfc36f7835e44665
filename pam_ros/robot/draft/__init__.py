# SPDX-License-Identifier: Apache-2.0
"""A first contract for a robot, from its policy and what its topics were seen to carry. Pure."""

from __future__ import annotations

from pam_ros.robot.draft.contract import Draft, draft_contract
from pam_ros.robot.draft.seen import Seen, SeenTopic, Watched

__all__ = ["Draft", "Seen", "SeenTopic", "Watched", "draft_contract"]
