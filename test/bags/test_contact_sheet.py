# SPDX-License-Identifier: Apache-2.0
"""Contact sheets: the moments, their order, and the rows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic_bags import Shot, write_shots

from pam_ros.bags import BagError, write_contact_sheet

TOP, TOP_SEEN, WRIST_SEEN = "/top/image_raw", "/n/attention/top/image", "/n/attention/wrist/image"


def read(path) -> np.ndarray:
    return cv2.imread(str(path))[:, :, ::-1].astype(int)


def middle(sheet, column: int, row: int) -> np.ndarray:
    """The colour in the middle of a panel of the 64x48 pictures of these tests, 4 columns."""
    panel_width = (800 - 96) // 4 - 4
    panel_height = round(panel_width * 48 / 64)
    x = 96 + column * (panel_width + 4) + panel_width // 2
    y = 22 + row * (panel_height + 4) + panel_height // 2
    return sheet[y, x]


@pytest.fixture
def bag(tmp_path):
    # Red grows with the time in the camera, green in its overlay; the wrist only has an overlay.
    shots = []
    for k in range(31):
        t = k / 10
        shots += [
            Shot(TOP, t, t + 0.01, (8 * k, 0, 0)),
            Shot(TOP_SEEN, t, t + 0.3, (0, 8 * k, 0)),
            Shot(WRIST_SEEN, t, t + 0.3, (0, 0, 8 * k)),
        ]
    write_shots(tmp_path / "bag", shots)
    return tmp_path / "bag"


def test_moments_are_even_and_each_row_shows_its_picture_of_that_moment(bag, tmp_path):
    result = write_contact_sheet(bag, tmp_path / "sheet.png", moments=4, width=800)
    assert result.times_s == pytest.approx((0.0, 1.0, 2.0, 3.0))
    assert result.cameras == ("top", "wrist")
    sheet = read(tmp_path / "sheet.png")
    assert sheet.shape[:2] == (result.height, result.width)
    assert result.width == 800
    for column in range(4):
        level = 80 * column
        np.testing.assert_allclose(middle(sheet, column, 0), (level, 0, 0), atol=1)
        np.testing.assert_allclose(middle(sheet, column, 1), (0, level, 0), atol=1)
        np.testing.assert_allclose(middle(sheet, column, 2), (0, 0, level), atol=1)


def test_the_times_are_written_above_and_the_names_beside(bag, tmp_path):
    write_contact_sheet(bag, tmp_path / "sheet.png", moments=4, width=800)
    sheet = read(tmp_path / "sheet.png")
    assert sheet[:22, 96:200].max() > 150
    assert sheet[60:110, :90].max() > 150


@pytest.mark.parametrize("late", [0.45, 4.0])
def test_heat_is_below_the_picture_that_it_was_drawn_on(tmp_path, late):
    """Where maps take longer than commands do, they come on some ticks, and late."""
    shots = [Shot(TOP, k / 10, k / 10 + 0.01, (8 * k, 0, 0)) for k in range(31)]
    shots += [Shot(TOP_SEEN, k / 10, k / 10 + late, (0, 8 * k, 0)) for k in range(0, 31, 7)]
    write_shots(tmp_path / "bag", shots)
    result = write_contact_sheet(tmp_path / "bag", tmp_path / "sheet.png", moments=4, width=800)
    if late < 1:
        assert result.times_s == pytest.approx((0.0, 0.7, 1.4, 2.8))
    sheet = read(tmp_path / "sheet.png")
    shown = [middle(sheet, column, 1)[1] for column in range(4)]
    assert shown[-1] - shown[0] > 150
    for column, level in enumerate(shown):
        np.testing.assert_allclose(middle(sheet, column, 0), (level, 0, 0), atol=2)


def test_it_begins_when_every_overlay_is_there(tmp_path):
    shots = [Shot(TOP, k / 10, k / 10, (9, 9, 9)) for k in range(21)]
    shots += [Shot(TOP_SEEN, k / 10, k / 10, (9, 9, 9)) for k in range(12, 21)]
    write_shots(tmp_path / "bag", shots)
    result = write_contact_sheet(tmp_path / "bag", tmp_path / "sheet.png", moments=3)
    assert result.times_s == pytest.approx((1.2, 1.6, 2.0))


def test_one_moment_is_the_end(bag, tmp_path):
    result = write_contact_sheet(bag, tmp_path / "sheet.png", moments=1)
    assert result.times_s == pytest.approx((3.0,))


def test_mistakes_are_one_sentence(bag, tmp_path):
    with pytest.raises(BagError, match="ask for at least 1"):
        write_contact_sheet(bag, tmp_path / "sheet.png", moments=0)
    with pytest.raises(BagError, match="cannot be written: No such file"):
        write_contact_sheet(bag, tmp_path / "nowhere" / "sheet.png")
    write_shots(tmp_path / "plain", [Shot(TOP, 0.0, 0.0, (1, 2, 3))])
    with pytest.raises(BagError, match="has no pictures on ~/attention/<camera>/image"):
        write_contact_sheet(tmp_path / "plain", tmp_path / "sheet.png")
