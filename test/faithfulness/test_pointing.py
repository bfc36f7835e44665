# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from pam_ros.faithfulness.pointing import hits


def masks(toy, feature=None, y=0, x=0):
    result = {c.feature: np.zeros((c.height, c.width), dtype=bool) for c in toy.cells.cameras}
    if feature:
        result[feature][y, x] = True
    return result


def test_one_pixel_is_hit_by_the_cells_whose_centre_is_within_one_cell(toy):
    # Centres lie at multiples of 8: rows 8 and 16 are near 12, columns 16, 24 and 32 near 24.
    near = hits(toy.cells, masks(toy, "wrist", y=12, x=24)).reshape(2, 4, 5)
    expected = np.zeros((2, 4, 5), dtype=bool)
    expected[1, 1:3, 2:5] = True
    assert np.array_equal(near, expected)


def test_a_cell_in_a_camera_that_does_not_see_the_object_is_no_hit(toy):
    near = hits(toy.cells, masks(toy, "front"))
    assert near[:20].any()
    assert not near[20:].any()


def test_an_object_that_no_camera_sees_is_no_question(toy):
    assert hits(toy.cells, masks(toy)) is None
