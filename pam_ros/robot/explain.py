# SPDX-License-Identifier: Apache-2.0
"""A contract in words: what feeds the policy, and what moves the robot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.robot.contract import CameraContract, Contract, JointContract


def explain(contract: Contract) -> Iterator[str]:
    """One line for each thing that goes in or out, in the policy's order."""
    trigger = contract.trigger
    ticks = f"{contract.rate_hz:g} times a second" if trigger is None else f"on each '{trigger}'"
    yield (
        f"{contract.robot} ticks {ticks}; stamps of a set lie within "
        f"{contract.sync_tolerance_s:g} s, nothing older than {contract.max_age_s:g} s is used"
    )
    for camera in contract.cameras:
        yield _camera(camera)
    feature = contract.state.feature or "no feature; only tells where the robot stands"
    yield f"{contract.state.topic} (sensor_msgs/msg/JointState) -> {feature}:"
    for index, joint in enumerate(contract.state.joints):
        yield f"  [{index}] {joint.name}, {_unit(joint)}"
    if contract.environment is not None:
        yield f"{contract.environment.topic} -> {contract.environment.feature}, as it is"
    yield f"action -> {contract.command.topic} ({contract.command.type}):"
    for index, joint in enumerate(contract.command.joints):
        yield f"  [{index}] {joint.name}, {_unit(joint)}; {_bounds(joint)}"


def _camera(camera: CameraContract) -> str:
    steps = [camera.encoding or ("JPEG or PNG" if camera.compressed else "any encoding")]
    if camera.crop is not None:
        crop = camera.crop
        steps.append(f"crop {crop.width}x{crop.height} at ({crop.x}, {crop.y})")
    if camera.target is not None:
        steps.append(f"resize to {camera.target}")
    elif camera.resize == "policy":
        steps.append("resize to the policy's size")
    return f"{camera.topic} ({camera.type}): {', '.join(steps)} -> {camera.feature}"


def _unit(joint: JointContract) -> str:
    words = joint.unit
    if joint.range is not None and joint.unit == "percent":
        words = f"-100..100 over {joint.range[0]:g} to {joint.range[1]:g} rad"
    if joint.scale != 1.0:
        words += f", times {joint.scale:g}"
    if joint.offset:
        words += f", plus {joint.offset:g}"
    return words


def _bounds(joint: JointContract) -> str:
    limits = (
        "limits from the URDF"
        if joint.limits is None
        else f"within {joint.limits[0]:g} to {joint.limits[1]:g} rad"
    )
    if joint.max_velocity is not None:
        limits += f", at most {joint.max_velocity:g} rad/s"
    if joint.max_step is not None:
        limits += f", {joint.max_step:g} rad per period"
    return limits
