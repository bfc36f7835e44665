# SPDX-License-Identifier: Apache-2.0
"""Whether an observation is what the policy reads. Wrong is an error, never filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.policy.interface import ObservationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.policy.interface import PolicySpec


def empty_observation(spec: PolicySpec) -> dict[str, NDArray[Any]]:
    """An observation to try a policy on: black pictures, and vectors at their mean in training.

    A vector whose mean is not known is zero.
    """
    observation: dict[str, NDArray[Any]] = {
        camera.feature: np.zeros((camera.height, camera.width, 3), np.uint8)
        for camera in spec.cameras
    }
    for feature, size in (
        (spec.state_feature, spec.state_dim),
        (spec.environment_feature, spec.environment_dim),
    ):
        if feature is not None:
            known = spec.statistics.get(feature)
            mean = (0.0,) if known is None or known.mean is None else known.mean
            observation[feature] = np.broadcast_to(np.array(mean, np.float32), (size,)).copy()
    return observation


def check_observation(spec: PolicySpec, observation: Mapping[str, NDArray[np.generic]]) -> None:
    """Raise ObservationError, naming the feature and what would be right, unless all fits."""
    missing = [feature for feature in spec.features if feature not in observation]
    if missing:
        message = f"the observation lacks {', '.join(missing)}: it must have {_names(spec)}"
        raise ObservationError(message)
    extra = [str(feature) for feature in observation if feature not in spec.features]
    if extra:
        message = (
            f"the observation has {', '.join(extra)}, which this policy does not read: "
            f"it must have {_names(spec)} alone"
        )
        raise ObservationError(message)
    for camera in spec.cameras:
        _check_array(
            camera.feature,
            observation[camera.feature],
            (camera.height, camera.width, 3),
            np.dtype(np.uint8),
        )
    for feature, size in (
        (spec.state_feature, spec.state_dim),
        (spec.environment_feature, spec.environment_dim),
    ):
        if feature is not None:
            vector = observation[feature]
            _check_array(feature, vector, (size,), np.dtype(np.float32))
            bad = np.flatnonzero(~np.isfinite(vector))
            if bad.size:
                message = (
                    f"{feature} has {vector[bad[0]]} at index {bad[0]}: every value must be finite"
                )
                raise ObservationError(message)


def _names(spec: PolicySpec) -> str:
    return ", ".join(spec.features)


def _check_array(
    feature: str, array: object, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> None:
    found = (
        f"{array.dtype} of shape {array.shape}"
        if isinstance(array, np.ndarray)
        else type(array).__name__
    )
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
        message = f"{feature} is {found}: it must be a NumPy array, {dtype} of shape {shape}"
        raise ObservationError(message)
