# SPDX-License-Identifier: Apache-2.0
"""What a policy reads, by names that a person can type."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pam_ros.ablation.errors import AblationError
from pam_ros.observations.names import short_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.interface import PolicySpec

Kind = Literal["camera", "cameras", "state", "environment", "words"]

CAMERAS = "cameras"
"""The name of all cameras together: either of two that show the same may look unused alone."""
WORDS = "words"


@dataclass(frozen=True)
class Input:
    """One thing that is spoilt as a whole.

    Attributes:
        name: in options, tables and files.
        kind: what it is.
        features: of the observation; none for words, which are no part of it.
    """

    name: str
    kind: Kind
    features: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        return {
            "camera": f"the {self.name} camera",
            "cameras": "its cameras, all of them together",
            "state": "the joint state",
            "environment": "the environment state",
            "words": "its words",
        }[self.kind]


def inputs_of(spec: PolicySpec) -> tuple[Input, ...]:
    """Each camera, all cameras if there are several, joint state, environment state and words.

    Raises:
        AblationError: the policy reads nothing.
    """
    names = dict(zip(spec.features, short_names(spec.features), strict=True))
    # A feature may be called as a word of ours is.
    names = {feature: feature if name in {CAMERAS, WORDS} else name
             for feature, name in names.items()}  # fmt: skip
    cameras = tuple(camera.feature for camera in spec.cameras)
    found = [Input(names[feature], "camera", (feature,)) for feature in cameras]
    if len(cameras) > 1:
        found.append(Input(CAMERAS, "cameras", cameras))
    if spec.state_feature is not None:
        found.append(Input(names[spec.state_feature], "state", (spec.state_feature,)))
    if spec.environment_feature is not None:
        feature = spec.environment_feature
        found.append(Input(names[feature], "environment", (feature,)))
    if spec.instruction:
        found.append(Input(WORDS, "words"))
    if not found:
        raise AblationError(f"{spec.name} reads nothing: there is no input to replace")
    return tuple(found)


def chosen_inputs(spec: PolicySpec, names: Sequence[str]) -> tuple[Input, ...]:
    """The inputs of these names, each once; all for none. A feature's full name means it too.

    Raises:
        AblationError: the policy has no input of a name.
    """
    known = inputs_of(spec)
    if not names:
        return known
    by_name = {one.features[0]: one for one in known if len(one.features) == 1}
    by_name |= {one.name: one for one in known}
    for name in names:
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            listed = ", ".join(one.name for one in known)
            raise AblationError(f"--inputs {name}: the policy reads {listed}{hint}")
    return tuple(dict.fromkeys(by_name[name] for name in names))
