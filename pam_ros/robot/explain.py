# SPDX-License-Identifier: Apache-2.0
"""A contract in words: what feeds the policy, and what moves the robot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.robot.contract import CameraContract, Contract, Resizing
    from pam_ros.robot.parts import JointContract


def explain(contract: Contract) -> Iterator[str]:
    """One line for each thing that goes in or out, in the policy's order."""
    trigger = contract.trigger
    ticks = f"{contract.rate_hz:g} times a second" if trigger is None else f"on each '{trigger}'"
    yield (
        f"{contract.robot} ticks {ticks}; stamps of a set lie within "
        f"{contract.sync_tolerance_s:g} s, nothing older than {contract.max_age_s:g} s is used"
    )
    if contract.instruction:
        yield f"instruction, if nobody says otherwise: '{contract.instruction}'"
    for camera in contract.cameras:
        yield _camera(camera)
    yield from _state(contract)
    if contract.environment is not None:
        environment = contract.environment
        yield f"{environment.topic} -> {environment.feature}, as it is"
    yield from _stampings(contract)
    first = 0
    for command in contract.command.parts:
        yield f"action -> {command.topic} ({command.type}):"
        for place, joint in enumerate(command.joints, first):
            yield f"  [{place}] {_what(joint)}, {_unit(joint)}; {_bounds(joint)}"
        first += len(command.joints)
        if command.measured is not None and len(contract.state.topics) > 1:
            yield f"  begins where {command.measured.topic} says that they stand"


def _state(contract: Contract) -> Iterator[str]:
    index = 0
    for part in contract.state.parts:
        feature = part.feature or "no feature; only tells where the robot stands"
        yield f"{part.topic} ({part.type}) -> {feature}:"
        first = index if part.feature is not None else 0
        for place, joint in enumerate(part.joints, first):
            yield f"  [{place}] {_what(joint)}, {_unit(joint)}"
        index += len(part.joints) if part.feature is not None else 0


def _stampings(contract: Contract) -> Iterator[str]:
    """What the contract says of the stamps of a topic, if it does."""
    told = {source.topic: source for source in contract_sources(contract)}
    for topic, source in told.items():
        words = []
        if source.has_header and not source.stamped:
            words.append("when it arrives, whatever its header says")
        if source.stamping.offset_s:
            words.append(f"{source.stamping.offset_s:+g} s")
        if words:
            yield f"{topic} is of the time {', '.join(words)}"


def _what(joint: JointContract) -> str:
    """A joint's name, and its kind where that is not the usual one."""
    named = joint.field in {"velocity", "effort"}
    return f"{joint.label} ({joint.kind})" if named else joint.label


def _camera(camera: CameraContract) -> str:
    kept = "JPEG or PNG" if camera.compressed else "H.264" if camera.video else "any encoding"
    steps = [camera.encoding or kept]
    if camera.rotate:
        steps.append(f"turn clockwise by {camera.rotate} degrees")
    if camera.crop is not None:
        crop = camera.crop
        steps.append(f"crop {crop.width}x{crop.height} at ({crop.x}, {crop.y})")
    if camera.target is not None:
        steps.append(f"resize to {camera.target}{_how(camera.resizing)}")
    elif camera.resize == "policy":
        steps.append(f"resize to the policy's size{_how(camera.resizing)}")
    return f"{camera.topic} ({camera.type}): {', '.join(steps)} -> {camera.feature}"


def _how(resizing: Resizing) -> str:
    words = [] if resizing.interpolation is None else [resizing.interpolation]
    if resizing.keep_aspect is not None:
        place = resizing.keep_aspect.replace("_", " ")
        words.append(f"in its proportions, {place}, padded with grey {resizing.pad_value}")
    return f", {', '.join(words)}" if words else ""


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
    unit = joint.message_unit
    limits = (
        "limits from the URDF"
        if joint.limits is None
        else f"within {joint.limits[0]:g} to {joint.limits[1]:g} {unit}".rstrip()
    )
    if joint.max_rate is not None:
        most = "at most" if joint.kind == "position" else "changed by at most"
        limits += f", {most} {joint.max_rate:g} {unit}{_PER_SECOND.get(unit, '/s')}"
    if joint.max_step is not None:
        limits += f", {joint.max_step:g} {unit}".rstrip() + " per period"
    return limits


_PER_SECOND = {"rad/s": "^2", "m/s": "^2"}
