# SPDX-License-Identifier: Apache-2.0
"""Range, offset and unit of a motor from a calibration file of lerobot.

lerobot keeps one in ~/.cache/huggingface/lerobot/calibration/robots/TYPE/ID.json: a
MotorCalibration for each motor. From whole encoder steps its bus makes (MotorsBus._normalize)

    degrees    (step - (first + last) / 2) * 360 / 4095
    -100..100  (step - first) / (last - first) * 200 - 100
    0..100     of a gripper, half of that and 50 more

A driver's radians are (step - zero) * 2 pi / 4096. Its zero is the middle of the encoder's turn, as
drivers without a calibration have it, or the middle of the calibrated travel. The 4095 is lerobot's
own: it makes a twentieth of a degree at half a turn, and is left out here.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.robot.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.robot.parts import JointContract

ZEROS = ("encoder", "middle")
"""Where a driver may have its zero."""
UNITS = ("deg", "percent")
"""That lerobot makes of a calibrated motor."""
_TURN = 4096
_RADIANS = 2 * math.pi / _TURN
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Motor:
    """A motor's calibrated travel [encoder steps], and whether lerobot turns its numbers round."""

    first: int
    last: int
    turned: bool

    def calibrated(self, joint: JointContract, unit: str, zero: str) -> JointContract:
        """The joint with unit, range, scale and offset of this motor.

        Raises:
            ContractError: the motor is turned round, which lerobot does for some motors only.
        """
        middle = (self.first + self.last) / 2
        at_zero = _TURN / 2 if zero == "encoder" else middle
        ends = ((self.first - at_zero) * _RADIANS, (self.last - at_zero) * _RADIANS)
        gripper = "gripper" in joint.name
        if unit == "deg" and not gripper:
            offset = math.degrees((at_zero - middle) * _RADIANS)
            return replace(joint, unit="deg", range=ends, offset=offset)
        if self.turned:
            raise ContractError(
                f"motor '{joint.name}' has drive_mode 1, which lerobot applies for some makes of "
                "motors only: give the joint its range, and scale -1 if it is turned round"
            )
        scale, offset = (0.5, 50.0) if gripper else (1.0, 0.0)
        return replace(joint, unit="percent", range=ends, scale=scale, offset=offset)


def read_calibration(path: Path) -> dict[str, Motor]:
    """The motors of a calibration file, by name.

    Raises:
        ContractError: it cannot be read, or is no calibration of lerobot.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ContractError(f"{path} is larger than a megabyte; a calibration is a short file")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(f"{path} does not exist") from None
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ContractError(f"{path} is no JSON") from None
    if not isinstance(data, dict) or not data:
        raise ContractError(f"{path} is no calibration of lerobot: it has no motors")
    return {str(name): _motor(path, str(name), entry) for name, entry in data.items()}


def _motor(path: Path, name: str, entry: object) -> Motor:
    fields = entry if isinstance(entry, dict) else {}
    numbers = [fields.get(key) for key in ("range_min", "range_max", "drive_mode")]
    if not all(isinstance(number, int) for number in numbers):
        raise ContractError(
            f"{path} is no calibration of lerobot: '{name}' must have the whole numbers range_min, "
            "range_max and drive_mode"
        )
    first, last, mode = (int(number) for number in numbers if number is not None)
    if not 0 <= first < last < _TURN:
        raise ContractError(
            f"{path}: the range of '{name}' goes from {first} to {last}; it must rise, within the "
            f"{_TURN} steps of a turn: calibrate the robot again"
        )
    return Motor(first, last, bool(mode))
