# SPDX-License-Identifier: Apache-2.0
"""The names of what is measured, and what they are called in a table."""

from __future__ import annotations

from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM
from pam_ros.faithfulness.perturbation import BLUR, OWN, REPLACEMENTS, ROAD

SCORE = "score"
"""The mean of the deletion and the insertion area under blur."""
SCORE_ALL = "score_all"
"""The mean of the scores by blur, mean, patches and inpainting."""


def score_of(word: str) -> str:
    """The score of one replacement."""
    return SCORE if word == BLUR else f"{SCORE}_{word}"


def areas_of(word: str) -> tuple[str, str]:
    """The two measurements whose mean is a replacement's score."""
    return f"deletion_{word}", f"insertion_{word}"


SCORES = {score_of(word): areas_of(word) for word in REPLACEMENTS}
"""By score, its areas."""
OWN_SCORES = tuple(score_of(word) for word in OWN)
ROAD_SCORE = score_of(ROAD)
IN_SIMULATOR = ("removed", "moved", "heat_cube", "heat_distractor", "pointing")
"""What only a simulator knows."""
HITS = ("pointing",)
"""What an episode hits or misses."""
MEASURES = (
    SCORE,
    SCORE_ALL,
    *(name for name in SCORES if name != SCORE),
    *(area for areas in SCORES.values() for area in areas),
    *IN_SIMULATOR,
)

_WORDS = {word: word.upper() if word == ROAD else word for word in REPLACEMENTS}
TITLES = {
    **{score_of(word): f"score, {title}" for word, title in _WORDS.items()},
    **{
        area: f"{area.split('_', maxsplit=1)[0]}, {title}"
        for word, title in _WORDS.items()
        for area in areas_of(word)
    },
    SCORE: "score",
    SCORE_ALL: "score, all",
    "removed": "cube removed",
    "moved": "cube moved",
    "heat_cube": "heat on cube",
    "heat_distractor": "heat on distractor",
    "pointing": "pointing",
}
NAMES = {RANDOM: "random order", CENTRE: "centre bias", CUBE: "the cube itself"}
