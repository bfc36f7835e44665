# SPDX-License-Identifier: Apache-2.0
"""The contract: which topic, joint and unit feeds which feature of the policy, and what comes back.

``load_contract`` (contract_file.py) reads one from YAML; here is what it means, and how it is held
against a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pam_ros.robot.errors import ContractError
from pam_ros.robot.units import check_units

if TYPE_CHECKING:
    from pam_ros.policy.interface import PolicySpec

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
JOINT_STATE = "sensor_msgs/msg/JointState"
JOINT_TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
FLOAT64_MULTI_ARRAY = "std_msgs/msg/Float64MultiArray"
CAMERA_TYPES = (IMAGE, COMPRESSED_IMAGE)
UNITS = ("rad", "deg", "percent")
# What holds for what a contract does not say.
SYNC_TOLERANCE_S = 0.05
MAX_AGE_S = 0.5
LIMIT_MARGIN = 0.1


@dataclass(frozen=True)
class Size:
    """Height and width of an image [pixels]."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width} (height x width)"


@dataclass(frozen=True)
class Crop:
    """The part of the source image that is used [pixels]; (x, y) is its top left pixel."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class CameraContract:
    """One camera: a topic that feeds a feature.

    ``crop`` comes before ``resize``. ``resize`` "policy" means the size that the policy wants;
    ``Contract.bind`` writes that size into ``policy_size``.
    """

    name: str
    topic: str
    type: str
    feature: str
    encoding: str | None = None
    crop: Crop | None = None
    resize: Size | Literal["policy"] | None = None
    policy_size: Size | None = None

    @property
    def compressed(self) -> bool:
        """Whether the topic carries CompressedImage."""
        return self.type == COMPRESSED_IMAGE

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
class JointContract:
    """One joint.

    ROS messages hold rad (metres for a sliding joint). The policy's number is
    ``scale * value + offset`` with value in ``unit``: rad, deg, or percent, which runs from -100 at
    ``range[0]`` to 100 at ``range[1]`` [rad]. ``limits`` [rad] bound every command, and so do
    ``max_velocity`` [rad/s] and ``max_step`` [rad per period: a sooner tick has its part of it].
    """

    name: str
    unit: str = "rad"
    scale: float = 1.0
    offset: float = 0.0
    range: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None
    max_velocity: float | None = None
    max_step: float | None = None


@dataclass(frozen=True)
class StateContract:
    """Joint states: a topic of sensor_msgs/msg/JointState and the joints in the policy's order.

    ``feature`` is None for a policy that reads no joint state: the topic then only tells where the
    robot stands when commands begin.
    """

    topic: str
    feature: str | None
    joints: tuple[JointContract, ...]


@dataclass(frozen=True)
class EnvironmentContract:
    """An environment state: a topic of std_msgs/msg/Float64MultiArray, used as it is."""

    topic: str
    feature: str


@dataclass(frozen=True)
class CommandContract:
    """What goes to the robot: one value per action dimension, in the policy's order.

    ``limit_margin`` is a fraction of a joint's range: an action beyond its limits by no more than
    that is clamped, one farther out is refused. ``limits_from`` "urdf": limits and speeds may be
    missing here, and come from /robot_description (urdf.py).
    """

    topic: str
    type: str
    joints: tuple[JointContract, ...]
    limit_margin: float = LIMIT_MARGIN
    limits_from: str = "contract"


@dataclass(frozen=True)
class Contract:
    """A robot's whole contract, valid in itself; ``check`` compares it with a policy.

    ``units_confirmed``: somebody who knows says that the units are right, whatever the policy's
    training data say. ``unit_doubts`` are those of a contract that is bound to a policy: a sentence
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
    unit_doubts: tuple[str, ...] = ()

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

    def check(self, spec: PolicySpec) -> list[str]:
        """Every disagreement with a policy, one sentence each; an empty list where they agree."""
        return [
            *self._check_cameras(spec),
            *self._check_state(spec),
            *self._check_environment(spec),
            *self._check_command(spec),
        ]

    def bind(self, spec: PolicySpec) -> Contract:
        """This contract with the policy's image sizes written into the cameras, in its order.

        Units that the policy's training data contradict are no disagreement: a policy can run and
        be looked at in wrong units. ``unit_doubts`` of the result tells of them.

        Raises:
            ContractError: they disagree; lists every problem.
        """
        problems = self.check(spec)
        if problems:
            title = f"contract '{self.robot}' does not fit policy '{spec.name}'"
            raise contract_error(title, problems)
        by_feature = {camera.feature: camera for camera in self.cameras}
        cameras = tuple(
            replace(by_feature[wanted.feature], policy_size=Size(wanted.height, wanted.width))
            for wanted in spec.cameras
        )
        doubts = check_units(self, spec.statistics).contradictions
        return replace(self, cameras=cameras, unit_doubts=doubts)

    def _check_cameras(self, spec: PolicySpec) -> list[str]:
        problems = []
        wanted = {camera.feature: Size(camera.height, camera.width) for camera in spec.cameras}
        given = {camera.feature for camera in self.cameras}
        problems += [
            f"the policy needs {feature} ({size}); no camera of the contract feeds it"
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
        names = len(self.state.joints)
        if spec.state_feature is None:
            if self.state.feature is None:
                return []
            return [f"the policy has no {self.state.feature}: write 'feature: null' under state"]
        if self.state.feature != spec.state_feature:
            given = self.state.feature or "null"
            return [f"state.feature is {given}; the policy needs {spec.state_feature}"]
        if names != spec.state_dim:
            wanted = f"the policy's {spec.state_feature} has {spec.state_dim} dimensions"
            return [f"state.joints names {names} joints; {wanted}"]
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
        names = len(self.command.joints)
        if names == spec.action_dim:
            return []
        wanted = f"the policy's action has {spec.action_dim} dimensions"
        return [f"command.joints names {names} joints; {wanted}"]


def contract_error(title: str, problems: list[str]) -> ContractError:
    """One error that lists all the problems, each on its line."""
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return ContractError(f"{title}:{lines}", tuple(problems))
