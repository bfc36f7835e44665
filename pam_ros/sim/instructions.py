# SPDX-License-Identifier: Apache-2.0
"""Words for the demo arm: how each object may be asked for, and words that ask for none of them.

Three phrasings of each object are for training, two are held out: of these, one puts words together
that training knew, the other has a verb that training never saw.
"""

from __future__ import annotations

from dataclasses import dataclass

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import OBJECTS


@dataclass(frozen=True)
class Phrasings:
    """How one object is asked for.

    Attributes:
        training: what the policy is trained on; the first is what the demo says.
        known: held out, of words that training knew.
        unknown: held out, with a word that training never saw.
    """

    training: tuple[str, str, str]
    known: str
    unknown: str

    @property
    def held_out(self) -> tuple[str, str]:
        """What the policy never saw in training."""
        return self.known, self.unknown


PHRASINGS = {
    "red_cube": Phrasings(
        ("reach the red cube", "go to the red block", "move the gripper over the red one"),
        known="move over the red cube",
        unknown="point at the red block",
    ),
    "blue_cube": Phrasings(
        ("reach the blue cube", "go to the blue block", "move the gripper over the blue one"),
        known="move over the blue cube",
        unknown="point at the blue block",
    ),
    "green_cylinder": Phrasings(
        ("reach the green cylinder", "go to the green can", "move the gripper over the green one"),
        known="move over the green cylinder",
        unknown="point at the green can",
    ),
}
"""By the names of OBJECTS, in their order."""

NONSENSE = ("blick the dax wug", "mip zorp fendle", "the the the of of")
"""Words that ask for nothing."""

ABSENT = ("reach the yellow ball", "go to the white bowl", "move the gripper over the purple one")
"""Words that ask for what no scene has."""


def instruction(target: str) -> str:
    """What the demo says to ask for one of OBJECTS.

    Raises SimError when there is no such object.
    """
    if target not in PHRASINGS:
        raise SimError(f"there are no words for '{target}': there are for {', '.join(OBJECTS)}")
    return PHRASINGS[target].training[0]


def asked_for(text: str) -> str | None:
    """Which of OBJECTS a phrasing of this file asks for; None where it asks for none.

    Upper case and space around it do not matter.
    """
    wanted = text.strip().lower()
    for name, phrasings in PHRASINGS.items():
        if wanted in (*phrasings.training, *phrasings.held_out):
            return name
    return None
