# SPDX-License-Identifier: Apache-2.0
"""What people have in a notebook, as an observation that the policy reads.

Pictures of any size are resized as the node resizes them where a contract says `resize: policy`.
Nothing is guessed that could be wrong: what is missing, or could mean two things, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.policy.interface import CameraSpec, ObservationError
from pam_ros.policy.observation import check_observation
from pam_ros.policy.resizing import loses_its_shape, resize, shape_words
from pam_ros.policy.short_names import short_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.policy.interface import PolicySpec

_PREFIXES = ("observation.images.", "observation.image.", "observation.")
_TASK = "task"


@dataclass(frozen=True, eq=False)
class Fitted:
    """An observation of a policy, and what it was made of.

    Attributes:
        observation: as Policy.step takes it.
        pictures: (H, W, 3) uint8 RGB by feature, of the size that they came in.
        task: what the robot was told, where the observation says; else empty.
        notes: a sentence for each thing that may not be as it was in the training.
    """

    observation: dict[str, NDArray[Any]]
    pictures: dict[str, NDArray[np.uint8]]
    task: str
    notes: tuple[str, ...]


def fit_observation(spec: PolicySpec, given: Any, index: int | None = None) -> Fitted:
    """The observation that a policy reads.

    Args:
        spec: the policy's.
        given: arrays, tensors or PIL pictures by feature, as Policy.step takes them, or as an item
            or batch of a LeRobot dataset has them: pictures (H, W, 3) or (3, H, W), uint8, or
            float from 0 to 1, of any size; vectors of any type of number. A feature may have the
            name of the training data, or go by the last part of its name, as `top`. Or a tick: a
            frame of a bag, a data set or the simulator, or what the simulator's world observes.
        index: which one of a batch, or of several pictures one after the other.

    Raises:
        ObservationError: it is none, lacks something, or could mean two things.
    """
    found, task = _by_feature(spec, given)
    unread = sorted(set(map(str, found)) - set(spec.features))
    if unread and len(found) == len(unread):
        message = (
            f"the observation has {', '.join(unread)}, and this policy reads "
            f"{', '.join(spec.features)}: name them so"
        )
        raise ObservationError(message)
    several = _several(spec, found)
    observation: dict[str, NDArray[Any]] = {}
    pictures: dict[str, NDArray[np.uint8]] = {}
    notes = [f"not read: {', '.join(unread)}"] if unread else []
    for camera in spec.cameras:
        if camera.feature in found:
            one = _one(camera.feature, found[camera.feature], index, several)
            picture = rgb(camera.feature, one)
            pictures[camera.feature] = picture
            observation[camera.feature] = _sized(camera, picture, notes)
    for feature in (spec.state_feature, spec.environment_feature):
        if feature is not None and feature in found:
            one = _one(feature, found[feature], index, several)
            observation[feature] = _vector(feature, one)
    check_observation(spec, observation)
    return Fitted(observation, pictures, _words(task, index), tuple(notes))


def fit_pictures(spec: PolicySpec, given: Any) -> dict[str, NDArray[np.uint8]]:
    """Pictures of some of a policy's cameras, (H, W, 3) uint8 RGB of the size that it reads.

    Args:
        spec: the policy's.
        given: as of fit_observation; a single picture of any form is that of every camera.

    Raises:
        ObservationError: there is no picture of its cameras among them.
    """
    inner = _unwrapped(given)[0]
    if not isinstance(inner, Mapping):
        inner = {camera.feature: given for camera in spec.cameras}
    found, _ = _by_feature(spec, inner)
    pictures = {
        camera.feature: _sized(camera, rgb(camera.feature, found[camera.feature]), [])
        for camera in spec.cameras
        if camera.feature in found
    }
    if not pictures:
        cameras = ", ".join(camera.feature for camera in spec.cameras)
        message = f"there is no picture of {cameras} among {', '.join(map(str, inner))}"
        raise ObservationError(message)
    return pictures


def rgb(name: str, picture: Any) -> NDArray[np.uint8]:
    """Any picture as an array of its own, (H, W, 3) uint8 RGB.

    Args:
        name: of it, for sentences.
        picture: a PIL picture, or an array or tensor (H, W, 3) or (3, H, W), uint8, or float from
            0 to 1. Colours are taken to be red, green, blue: nothing in a picture says otherwise.

    Raises:
        ObservationError: it is none of these.
    """
    if hasattr(picture, "convert") and hasattr(picture, "getbands"):  # PIL's, which need not be
        return np.array(picture.convert("RGB"), dtype=np.uint8)
    tensor, array = hasattr(picture, "detach"), _array(name, picture)
    if array.ndim != 3 or 3 not in {array.shape[0], array.shape[2]} or array.size == 0:
        message = (
            f"{name} has shape {array.shape}: a picture is (height, width, 3) or "
            "(3, height, width), red, green, blue"
        )
        raise ObservationError(message)
    # Three wide and three high is a picture of nothing; then a tensor's channels are first.
    first = array.shape[0] == 3 and (tensor or array.shape[2] != 3)
    if first:
        array = array.transpose(1, 2, 0)
    if array.dtype == np.uint8:
        return np.array(array, order="C")
    if not np.issubdtype(array.dtype, np.floating):
        message = f"{name} is {array.dtype}: a picture is uint8, or float from 0 to 1"
        raise ObservationError(message)
    least, most = float(array.min()), float(array.max())
    if not (least >= 0 and most <= 1):  # so that NaN is refused too
        message = (
            f"{name} is {array.dtype} from {least:g} to {most:g}: a picture of float is from 0 to "
            "1; divide by 255, or give uint8"
        )
        raise ObservationError(message)
    return np.ascontiguousarray(np.rint(array.astype(np.float64) * 255), dtype=np.uint8)


def _by_feature(spec: PolicySpec, given: Any) -> tuple[dict[str, Any], Any]:
    """What there is by the policy's names of the features, and what the robot was told."""
    given, task = _unwrapped(given)
    if not isinstance(given, Mapping):
        message = (
            f"an observation is a mapping, such as {{{spec.features[0]!r}: ...}}, not "
            f"{type(given).__name__}: this policy reads {', '.join(spec.features)}"
        )
        raise ObservationError(message)
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = _feature(spec, str(key))
        if name is None:
            continue
        if name in found:
            message = f"the observation has {name} twice, once as {key!r}: leave one out"
            raise ObservationError(message)
        found[name] = value
    return found, given.get(_TASK, "") or task


def _unwrapped(given: Any) -> tuple[Any, Any]:
    """The mapping of a tick, and its task; other things as they are."""
    task = getattr(given, "task", "")
    for name in ("observation", "features"):
        inner = getattr(given, name, None)
        if isinstance(inner, Mapping):
            return inner, task
    images, positions = getattr(given, "images", None), getattr(given, "positions", None)
    if isinstance(images, Mapping) and positions is not None:
        return {**images, "state": positions}, task
    return given, task


def _feature(spec: PolicySpec, key: str) -> str | None:
    """The feature that a key means; None for what is no part of an observation."""
    own = spec.own_name(key)
    if own in spec.features:
        return own
    last = short_names(spec.features)
    short = [name for name in spec.features if key in {_short(name), last[name]}]
    if len(short) == 1:
        return short[0]
    # Flags of padding stand beside an item's features.
    part = key.startswith("observation.") and not key.endswith("_is_pad")
    return key if part else None


def _short(feature: str) -> str:
    prefix = next((one for one in _PREFIXES if feature.startswith(one)), "")
    return feature.removeprefix(prefix)


def _several(spec: PolicySpec, found: Mapping[str, Any]) -> bool:
    """Whether there are several of each, or a single one with a dimension for it.

    Raises:
        ObservationError: some features have a dimension for it, and others have none.
    """
    cameras = {camera.feature for camera in spec.cameras}
    batched = {
        name: _axes(value) == (4 if name in cameras else 2)
        for name, value in found.items()
        if name in spec.features
    }
    several = [name for name, has in batched.items() if has]
    single = [name for name, has in batched.items() if not has]
    if several and single:
        message = (
            f"{', '.join(several)} has a dimension for several observations and "
            f"{', '.join(single)} has none: give every feature one, or none"
        )
        raise ObservationError(message)
    return bool(several)


def _axes(value: Any) -> int:
    """How many dimensions an array, a tensor, a list of numbers or of pictures has."""
    if hasattr(value, "shape"):
        return len(value.shape)
    if isinstance(value, list | tuple) and value:
        return 1 + _axes(value[0])
    return 3 if hasattr(value, "getbands") else 0


def _one(name: str, value: Any, index: int | None, several: bool) -> Any:
    if not several:
        if index is not None:
            message = f"index {index} is of a batch, and this is one observation: leave it out"
            raise ObservationError(message)
        return value
    count = len(value)
    if index is None and count != 1:
        message = f"{name} has {count} of a batch: say which with index=0 to {count - 1}"
        raise ObservationError(message)
    chosen = 0 if index is None else index
    if not -count <= chosen < count:
        message = f"index {chosen} is out of range: {name} has {count}, from 0 to {count - 1}"
        raise ObservationError(message)
    return value[chosen]


def _sized(camera: CameraSpec, picture: NDArray[np.uint8], notes: list[str]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if (height, width) == (camera.height, camera.width):
        return picture
    if loses_its_shape((width, height), (camera.width, camera.height)):
        notes.append(
            f"{camera.feature}: {shape_words(width, height)} is squashed into "
            f"{shape_words(camera.width, camera.height)}; cut it to that shape if the training did"
        )
    return resize(picture, camera.height, camera.width)


def _vector(name: str, value: Any) -> NDArray[np.float32]:
    array = _array(name, value)
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        message = f"{name} is {array.dtype}: it must be numbers"
        raise ObservationError(message)
    return np.array(array, np.float32).reshape(-1) if array.ndim == 0 else array.astype(np.float32)


def _array(name: str, value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):  # a tensor; torch is not needed to know
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # of which NumPy knows nothing
            value = value.float()
        value = value.numpy()
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        message = f"{name} is no array: {' '.join(str(error).split())}"
        raise ObservationError(message) from error


def _words(task: Any, index: int | None) -> str:
    """A batch has a list of tasks."""
    if isinstance(task, Sequence) and not isinstance(task, str):
        chosen = 0 if index is None else index
        task = task[chosen] if -len(task) <= chosen < len(task) else ""
    return task if isinstance(task, str) else ""
