# SPDX-License-Identifier: Apache-2.0
"""Do a contract's units agree with the numbers that the policy was trained on? Pure."""

from __future__ import annotations

from pam_ros.robot.units.check import UnitsReport, check_units
from pam_ros.robot.units.words import CONFIRM, refusal

__all__ = ["CONFIRM", "UnitsReport", "check_units", "refusal"]
