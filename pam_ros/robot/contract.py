# SPDX-License-Identifier: Apache-2.0
"""The contract: which topic, joint and unit feeds which feature of the policy, and what comes back.

``load_contract`` (contract_file.py) reads one from YAML; here is what it means, and how it is held
against a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pam_ros.robot.errors import ContractError
from pam_ros.robot.stamps import AS_STAMPED, Stamping
from pam_ros.robot.units import check_units
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.parts import CommandContract, CommandPart, StateContract, StatePart

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
FFMPEG_PACKET = "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"
FOXGLOVE_VIDEO = "foxglove_msgs/msg/CompressedVideo"
VIDEO_TYPES = (FFMPEG_PACKET, FOXGLOVE_VIDEO)
CAMERA_TYPES = (IMAGE, COMPRESSED_IMAGE, *VIDEO_TYPES)
# Last words of topics that image_transport makes of others.
_TRANSPORTS = frozenset({"compressed", "ffmpeg", "foxglove", "theora", "zstd", "h264"})
# What holds for what a contract does not say.
SYNC_TOLERANCE_S = 0.05
MAX_AGE_S = 0.5


@dataclass(frozen=True)
class Size:
    """Height and width of an image [pixels]."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width} (height x width)"


@dataclass(frozen=True)
class Crop:
    """The part of the turned image that is used [pixels]; (x, y) is its top left pixel."""

    x: int
    y: int
    width: int
    height: int


ROTATIONS = (0, 90, 180, 270)
# Name -> where the picture lies in what keep_aspect leaves free: the part of it left and above.
ALIGNMENTS: Mapping[str, float] = MappingProxyType(
    {"center": 0.5, "top_left": 0.0, "bottom_right": 1.0}
)


@dataclass(frozen=True)
class Resizing:
    """How a picture is resized.

    ``interpolation`` is one of resizing.py's names; None averages where the picture shrinks and
    interpolates linearly where it grows. ``keep_aspect`` is one of ALIGNMENTS: the picture keeps
    its proportions, and the rest of the size is filled with grey of ``pad_value``, 0 to 255. None
    stretches it.
    """

    interpolation: str | None = None
    keep_aspect: str | None = None
    pad_value: int = 0


def info_beside(topic: str) -> str:
    """Where image_transport's subscribers look for the CameraInfo of a topic with pictures.

    "/top/camera_info" for "/top/image_raw" and for "/top/image_raw/compressed".
    """
    base = _untransported(topic).rpartition("/")[0]
    return f"{base}/camera_info" if base or topic.startswith("/") else "camera_info"


def is_rectified(topic: str) -> bool:
    """Whether a topic's pictures are without distortion, by its name, as image_proc gives it.

    So are those of "/top/image_rect", "/top/image_rect_color" and "/top/image_rect/compressed".
    """
    return "rect" in _untransported(topic).rpartition("/")[2]


def _untransported(topic: str) -> str:
    base, _, last = topic.rpartition("/")
    return base if last in _TRANSPORTS and base else topic


@dataclass(frozen=True)
class CameraContract:
    """One camera: a topic that feeds a feature.

    The picture is turned clockwise by ``rotate`` degrees, cut to ``crop``, which counts in the
    turned picture, and resized, in this order. ``resize`` "policy" means the size that the policy
    wants; ``Contract.bind`` writes that size into ``policy_size``. ``resizing`` says how.
    ``stamping`` says what time the pictures are of. ``camera_info`` is the topic of its
    sensor_msgs/msg/CameraInfo, where that is not beside the pictures.
    """

    name: str
    topic: str
    type: str
    feature: str
    encoding: str | None = None
    crop: Crop | None = None
    resize: Size | Literal["policy"] | None = None
    policy_size: Size | None = None
    rotate: int = 0
    resizing: Resizing = Resizing()
    stamping: Stamping = AS_STAMPED
    camera_info: str | None = None

    @property
    def info_topic(self) -> str:
        """The topic of its CameraInfo: as given, or `camera_info` beside the pictures."""
        return self.camera_info or info_beside(self.topic)

    @property
    def compressed(self) -> bool:
        """Whether the topic carries CompressedImage."""
        return self.type == COMPRESSED_IMAGE

    @property
    def video(self) -> bool:
        """Whether the topic carries packets of a video."""
        return self.type in VIDEO_TYPES

    @property
    def target(self) -> Size | None:
        """The size to resize to, None where the image keeps its own size."""
        return self.policy_size if self.resize == "policy" else self.resize

    @property
    def result(self) -> Size | None:
        """The size after crop and resize, None where only the first message tells."""
        if self.target is not None:
            return self.target
        return None if self.crop is None else Size(self.crop.height, self.crop.width)


@dataclass(frozen=True)
class EnvironmentContract:
    """An environment state: a topic of std_msgs/msg/Float64MultiArray, used as it is."""

    topic: str
    feature: str
    stamping: Stamping = AS_STAMPED


@dataclass(frozen=True, repr=False)
class Contract:
    """A robot's whole contract, valid in itself; ``check`` compares it with a policy.

    ``units_confirmed``: somebody who knows says that the units are right, whatever the policy's
    training data say. ``instruction``: what a policy that reads words is told, if nobody says
    otherwise. ``unit_doubts`` are those of a contract that is bound to a policy: a sentence
    for each group of joints whose unit the data contradict (units/check.py).
    """

    robot: str
    rate_hz: float
    cameras: tuple[CameraContract, ...]
    state: StateContract
    command: CommandContract
    environment: EnvironmentContract | None = None
    trigger: str | None = None
    sync_tolerance_s: float = SYNC_TOLERANCE_S
    max_age_s: float = MAX_AGE_S
    units_confirmed: bool = False
    instruction: str = ""
    unit_doubts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        cameras = ", ".join(camera.name for camera in self.cameras) or "none"
        return (
            f"<contract of {self.robot}: {self.rate_hz:g} Hz; cameras {cameras}; "
            f"{len(self.state.joints)} joints in, {len(self.command.joints)} out>"
        )

    @property
    def period_s(self) -> float:
        """One tick [s]."""
        return 1.0 / self.rate_hz

    def camera(self, name: str) -> CameraContract:
        """The camera of this name.

        Raises:
            ContractError: there is none.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        known = ", ".join(camera.name for camera in self.cameras)
        raise ContractError(f"contract '{self.robot}' has no camera '{name}' (it has {known})")

    def with_topics(self, names: Mapping[str, str]) -> Contract:
        """This contract with what it listens to on other topics: the new name by the old one."""

        def moved(part: StatePart) -> StatePart:
            return replace(part, topic=names.get(part.topic, part.topic))

        def measured(part: CommandPart) -> CommandPart:
            return part if part.measured is None else replace(part, measured=moved(part.measured))

        environment = self.environment
        if environment is not None:
            topic = names.get(environment.topic, environment.topic)
            environment = replace(environment, topic=topic)
        return replace(
            self,
            cameras=tuple(replace(c, topic=names.get(c.topic, c.topic)) for c in self.cameras),
            state=replace(self.state, parts=tuple(moved(part) for part in self.state.parts)),
            command=replace(
                self.command, parts=tuple(measured(part) for part in self.command.parts)
            ),
            environment=environment,
        )

    def as_stamped(self) -> Contract:
        """This contract for messages whose stamps are right: nothing said about any."""
        environment = self.environment
        if environment is not None:
            environment = replace(environment, stamping=AS_STAMPED)
        parts = tuple(replace(part, stamping=AS_STAMPED) for part in self.state.parts)
        return replace(
            self,
            cameras=tuple(replace(camera, stamping=AS_STAMPED) for camera in self.cameras),
            state=replace(self.state, parts=parts),
            environment=environment,
        )

    def check(self, spec: PolicySpec) -> list[str]:
        """Every disagreement with a policy, one sentence each; an empty list where they agree."""
        named = self.in_names_of(spec)
        if named != self:
            return named.check(spec)
        return [
            *self._check_cameras(spec),
            *self._check_state(spec),
            *self._check_environment(spec),
            *self._check_command(spec),
        ]

    def bind(self, spec: PolicySpec) -> Contract:
        """This contract with the policy's image sizes written into the cameras, in its order.

        A feature may be named as in the policy's training data; the result has the policy's names.

        Units that the policy's training data contradict are not a disagreement: a policy can run
        and be looked at in wrong units. ``unit_doubts`` of the result tells of them.

        Raises:
            ContractError: they disagree; lists every problem.
        """
        problems = self.check(spec)
        if problems:
            title = f"contract '{self.robot}' does not fit policy '{spec.name}'"
            raise contract_error(title, problems)
        named = self.in_names_of(spec)
        by_feature = {camera.feature: camera for camera in named.cameras}
        cameras = tuple(
            replace(by_feature[wanted.feature], policy_size=Size(wanted.height, wanted.width))
            for wanted in spec.cameras
        )
        doubts = check_units(named, spec.statistics).contradictions
        return replace(named, cameras=cameras, unit_doubts=doubts)

    def in_names_of(self, spec: PolicySpec) -> Contract:
        """This contract, its features by the policy's names; some may be the training data's."""
        state, environment = self.state, self.environment
        if state.feature is not None:
            state = state.named(spec.own_name(state.feature))
        if environment is not None:
            environment = replace(environment, feature=spec.own_name(environment.feature))
        cameras = tuple(replace(c, feature=spec.own_name(c.feature)) for c in self.cameras)
        return replace(self, cameras=cameras, state=state, environment=environment)

    def _check_cameras(self, spec: PolicySpec) -> list[str]:
        fed = [camera.feature for camera in self.cameras]
        problems = [
            f"cameras {' and '.join(repr(c.name) for c in self.cameras if c.feature == feature)} "
            f"both feed {feature}: one of them names it as the policy's training data do"
            for feature in dict.fromkeys(fed)
            if fed.count(feature) > 1
        ]
        wanted = {camera.feature: Size(camera.height, camera.width) for camera in spec.cameras}
        given = {camera.feature for camera in self.cameras}
        problems += [
            f"the policy needs {feature} ({size}{_in_training(spec, feature)}); no camera of the "
            "contract feeds it"
            for feature, size in wanted.items()
            if feature not in given
        ]
        for camera in self.cameras:
            size = wanted.get(camera.feature)
            if size is None:
                names = ", ".join(wanted) or "no camera at all"
                problems.append(
                    f"camera '{camera.name}' feeds {camera.feature}, which the policy does not "
                    f"have (it has {names})"
                )
            elif camera.resize != "policy" and camera.result not in {None, size}:
                problems.append(
                    f"camera '{camera.name}' comes out of crop and resize as {camera.result}; "
                    f"the policy wants {size}: write 'resize: policy'"
                )
        return problems

    def _check_state(self, spec: PolicySpec) -> list[str]:
        if spec.state_feature is None:
            if self.state.feature is None:
                return []
            return [f"the policy has no {self.state.feature}: write 'feature: null' under state"]
        if self.state.feature != spec.state_feature:
            given = self.state.feature or "null"
            return [f"state.feature is {given}; the policy needs {spec.state_feature}"]
        if len(self.state.joints) != spec.state_dim:
            wanted = f"the policy's {spec.state_feature} has {spec.state_dim} dimensions"
            parts = [part for part in self.state.parts if part.feature is not None]
            return [f"{_named('state', parts)}; {wanted}"]
        return []

    def _check_environment(self, spec: PolicySpec) -> list[str]:
        if spec.environment_feature is None:
            if self.environment is None:
                return []
            return [f"the policy has no {self.environment.feature}: remove the environment section"]
        if self.environment is None:
            cure = f"add an environment section with the topic of a {FLOAT64_MULTI_ARRAY}"
            return [f"the policy needs {spec.environment_feature}: {cure}"]
        if self.environment.feature != spec.environment_feature:
            given = self.environment.feature
            return [f"environment.feature is {given}; the policy needs {spec.environment_feature}"]
        return []

    def _check_command(self, spec: PolicySpec) -> list[str]:
        if len(self.command.joints) == spec.action_dim:
            return []
        wanted = f"the policy's action has {spec.action_dim} dimensions"
        return [f"{_named('command', self.command.parts)}; {wanted}"]


def _named(key: str, parts: Sequence[StatePart | CommandPart]) -> str:
    """How many joints the parts name."""
    if len(parts) == 1:
        return f"{key}.joints names {len(parts[0].joints)} joints"
    counts = " and ".join(f"{len(part.joints)} ({part.topic})" for part in parts)
    total = sum(len(part.joints) for part in parts)
    return f"the parts of {key} name {counts} joints, {total} together"


def _in_training(spec: PolicySpec, feature: str) -> str:
    """What the policy's training data call a feature, where that is another name."""
    names = [name for name, own in spec.renames.items() if own == feature]
    return f", {' or '.join(names)} in its training data" if names else ""


def contract_error(title: str, problems: list[str]) -> ContractError:
    """One error that lists all the problems, each on its line."""
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return ContractError(f"{title}:{lines}", tuple(problems))
