# SPDX-License-Identifier: Apache-2.0
"""What lerobot would record of random tasks on random SO-101 arms, in one unit or another."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np

from pam_ros.policy.interface import FeatureStatistics
from pam_ros.robot import (
    CommandContract,
    Contract,
    JointContract,
    StateContract,
    load_contract,
)
from pam_ros.share.folders import find_contract

UNITS = ("deg", "percent", "rad", "0..1")
# Parts of a joint's travel that a task uses.
WORKSPACES = {"small": (0.02, 0.15), "medium": (0.1, 0.5), "large": (0.5, 1.0)}
# Nominal travels from the middle [rad]; the wrist's roll is calibrated over a full turn.
TRAVEL = np.array([1.92, 1.745, 1.69, 1.658, math.pi, 0.96])
ROLL, GRIPPER = 4, 5


@cache
def contracts():
    """The same arm four times, each contract in one of UNITS."""
    degrees, normalised = (
        load_contract(find_contract(f"so101_{name}")) for name in ("degrees", "normalized")
    )
    return {
        "deg": degrees,
        "percent": normalised,
        "rad": _with_joints(normalised, unit="rad", scale=1.0, offset=0.0),
        "0..1": _with_joints(normalised, unit="percent", scale=0.005, offset=0.5),
    }


def _with_joints(contract, **changes):
    joints = tuple(replace(joint, **changes) for joint in contract.command.joints)
    return with_joints(contract, joints)


def with_joints(contract: Contract, joints: tuple[JointContract, ...]) -> Contract:
    """A contract of one part with these joints, in and out."""
    (state,), (command,) = contract.state.parts, contract.command.parts
    return replace(
        contract,
        state=StateContract((replace(state, joints=joints),)),
        command=CommandContract((replace(command, joints=joints),)),
    )


def task(rng, workspace):
    """(400, 6) smooth paths through a random part of each joint's travel, 0 to 1 of it."""
    width = rng.uniform(*WORKSPACES[workspace], 6)
    lower = rng.uniform(0, 1 - width)
    time = np.linspace(0, 6 * np.pi, 400)[:, np.newaxis]
    frequency, phase = rng.uniform(0.5, 4, (3, 6)), rng.uniform(0, 2 * np.pi, (3, 6))
    path = sum(np.sin(frequency[wave] * time + phase[wave]) for wave in range(3))
    path = (path - path.min(0)) / (path.max(0) - path.min(0))
    if workspace == "large":
        # Pressed into the end stops now and then.
        return np.clip(lower - 0.03 + (width + 0.06) * path, 0, 1)
    return lower + width * path


def recorded(rng, parts, unit, *, whole_steps=True):
    """Positions (frames, 6), parts of the travel, as float32 numbers of an arm of its own.

    whole_steps: as an encoder measures. False: as what a policy or a filter made of it.
    """
    steps = np.round(TRAVEL * 2 / (2 * np.pi) * 4096 * rng.uniform(0.95, 1.0, 6))
    first = np.floor(rng.uniform(600, 1000, 6))
    steps[ROLL], first[ROLL] = 4095, 0
    parts = parts.copy()
    if unit in {"deg", "percent"}:
        parts[:, ROLL] = 0.5 + (parts[:, ROLL] - 0.5) * 0.87  # the joint stops before a full turn
    step = first + parts * steps
    if whole_steps:
        step = np.round(step)
    if unit == "deg":
        values = (step - (first + first + steps) / 2) * 360 / 4095
    elif unit == "percent":
        values = (step - first) / steps * 200 - 100
    elif unit == "rad":
        values = (parts - 0.5) * 2 * np.minimum(TRAVEL, 2.79)
        values[:, GRIPPER] = -0.175 + 1.92 * parts[:, GRIPPER]
    else:
        values = parts
    if unit in {"deg", "percent"}:
        values[:, GRIPPER] = (step - first)[:, GRIPPER] / steps[GRIPPER] * 100
    return values.astype(np.float32)


def statistics(values, keys="min max mean std"):
    """Of values (frames, dims): those of the names given."""
    of = {
        "min": values.min(0),
        "max": values.max(0),
        "mean": values.mean(0),
        "std": values.std(0),
        "q01": np.quantile(values, 0.01, axis=0),
        "q99": np.quantile(values, 0.99, axis=0),
    }
    return FeatureStatistics(**{key: tuple(of[key].tolist()) for key in keys.split()})


def policy_data(seed, workspace, unit, *, whole_steps=True, keys="min max mean std"):
    """Statistics of state and action: the leader is another arm, and a little ahead."""
    rng = np.random.default_rng([seed, *workspace.encode()])
    parts = task(rng, workspace)
    leader = np.clip(parts + rng.normal(0, 0.01, parts.shape), 0, 1)
    return {
        feature: statistics(recorded(rng, each, unit, whole_steps=whole_steps), keys)
        for feature, each in (("observation.state", parts), ("action", leader))
    }
