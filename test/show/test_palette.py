# SPDX-License-Identifier: Apache-2.0
"""The colours of curves can be told apart, in both themes and also by colour-blind eyes."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from pam_ros.share.template import palette

CURVES = ("c0", "c1", "c2", "c3", "c4", "c5", "state", "latent", "environment")
TEXTS = ("ink", "soft", "accent", "mark", "good", "bad")
#: Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
EYES = {
    "all cones": np.eye(3),
    "no long cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no short cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def themes() -> dict[str, dict[str, np.ndarray]]:
    """Linear RGB of every colour, by theme."""
    dark, light = re.findall(r"\{(.*?)\}", palette(), re.DOTALL)
    return {
        name: {
            key: linear(np.array([int(value[i : i + 2], 16) / 255 for i in (0, 2, 4)]))
            for key, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)
        }
        for name, block in (("dark", dark), ("light", light))
    }


def linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.2: from 1 to 21."""
    low, high = sorted(float(c @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Björn Ottosson 2020: distances in it are nearly those that eyes see; black to white is 1."""
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ np.clip(rgb, 0, 1))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("eyes", list(EYES))
def test_no_two_curves_look_alike(theme, eyes):
    found = themes()[theme]
    seen = {name: oklab(np.array(EYES[eyes]) @ found[name]) for name in CURVES}
    away = {
        (one, other): float(np.linalg.norm(seen[one] - seen[other]))
        for one, other in combinations(CURVES, 2)
    }
    closest = min(away, key=away.__getitem__)
    assert away[closest] >= (0.15 if eyes == "all cones" else 0.10), (closest, away[closest])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_curves_and_texts_stand_out_from_what_is_behind_them(theme):
    found = themes()[theme]
    for name in CURVES:
        assert contrast(found[name], found["panel"]) >= 3, name
    for name in TEXTS:
        for behind in ("page", "panel"):
            assert contrast(found[name], found[behind]) >= 4.5, (name, behind)


def test_both_themes_have_the_same_colours():
    dark, light = themes().values()
    assert set(dark) == set(light) >= {*CURVES, *TEXTS, "cursor", "line"}
