# SPDX-License-Identifier: Apache-2.0
"""What the map of a turned or padded camera says of its source picture."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import AttentionMaps, CameraMap
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import TickScale
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.policy.act.spec import lay_out
from pam_ros.robot import MessageSet, build_observation, parse_contract
from pam_ros.robot.contract import Size
from pam_ros.robot.images import fill_image
from pam_ros.show.report.features import _Placing
from pam_ros.tick.attention_map import AttentionMapMaker, cell_in_message, source_cells
from pam_ros.tick.explained import ExplainedTick
from pam_ros.tick.loop import TickOutcome
from pam_ros.tick.pictures import OverlayMaker

FEATURE = "observation.images.top"
ROWS, COLS, CELL = 3, 4, 32
TOKENS = CameraTokens(FEATURE, 0, ROWS, COLS, 96, 128, 15.5, 15.5, 32.0, 32.0)
LAYOUT = lay_out([TOKENS], joint_state=True, environment=False)
SPEC = SimpleNamespace(
    layout=LAYOUT, name="act", sha256="c" * 64, chunk_mode="queue", denoising_steps=0,
    state_feature="observation.state",
)  # fmt: skip
TURNS = (0, 90, 180, 270)


def contract_of(**camera):
    camera = {"name": "top", "topic": "/top", "feature": FEATURE} | camera
    contract = parse_contract(
        {
            "robot": "arm",
            "rate_hz": 10,
            "cameras": [camera],
            "state": {"topic": "/joints", "joints": [{"name": "pan", "limits": [-3, 3]}]},
            "command": {"topic": "/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 5},
        },
        "arm.yaml",
    )
    (top,) = contract.cameras
    bound = SimpleNamespace(**vars(contract))
    bound.cameras = (type(top)(**(vars(top) | {"policy_size": Size(96, 128)})),)
    return bound


def tick_of(contract, source, cells):
    """A tick whose policy looked at these cells of its own picture."""
    port = RosMessages()
    image, joints = port.new("sensor_msgs/msg/Image"), port.new("sensor_msgs/msg/JointState")
    fill_image(image, source)
    joints.name, joints.position = ["pan"], [0.0]
    inputs = MessageSet({"top": 1, "joint_states": 1}, {"top": image, "joint_states": joints}, 1, 1)
    row, col = divmod(int(cells.argmax()), COLS)
    placing = (15.5, 15.5, 32.0, 32.0)
    seen = CameraMap(FEATURE, cells, float(cells.sum()), (row, col), *placing, signed=-cells)
    shares = (0.0, 0.0, 0.0)
    maps = AttentionMaps("rollout", "", "", "", (seen,), *shares, 0.0, 1.0, ROWS * COLS + 2)
    outcome = TickOutcome(1, 7, 5, True, True, False, "", None)
    return ExplainedTick(inputs, build_observation(contract, inputs), outcome, maps)


def probe(contract, tall, wide, x, y):
    """A source picture with one bright spot, and the policy's cell that sees it."""
    source = np.zeros((tall, wide, 3), np.uint8)
    source[y - 3 : y + 4, x - 3 : x + 4] = 255
    tick = tick_of(contract, source, np.zeros((ROWS, COLS), np.float32))
    picture = tick.observation.features[FEATURE][..., 0].astype(float)
    means = picture.reshape(ROWS, CELL, COLS, CELL).mean(axis=(1, 3))
    return source, (means / means.sum()).astype(np.float32)


CAMERAS = {
    "plain": {"resize": "policy"},
    "kept": {"resize": {"keep_aspect": True}},
    "cropped": {"crop": {"x": 20, "y": 10, "width": 100, "height": 90}, "resize": "policy"},
    "cropped and kept": {
        "crop": {"x": 40, "y": 10, "width": 60, "height": 100},
        "resize": {"keep_aspect": "bottom_right", "interpolation": "bilinear"},
    },
}


@pytest.mark.parametrize("degrees", TURNS)
@pytest.mark.parametrize("name", CAMERAS)
def test_the_heat_lies_on_the_spot_that_the_policy_saw(name, degrees):
    contract = contract_of(rotate=degrees, **CAMERAS[name])
    tall, wide = (140, 120) if degrees in {90, 270} else (120, 140)
    for x, y in ((62, 60), (54, 63), (66, 55)):
        source, cells = probe(contract, tall, wide, x, y)
        tick = tick_of(contract, source, cells)
        (camera,) = AttentionMapMaker(RosMessages(), SPEC, contract).make(tick).cameras
        found = np.asarray(camera.cells).reshape(camera.rows, camera.cols)
        row, col = np.indices(found.shape)
        share = found / found.sum()
        seen_x = float((share * (camera.x0 + col * camera.dx)).sum())
        seen_y = float((share * (camera.y0 + row * camera.dy)).sum())
        assert abs(seen_x - x) < 0.75 * camera.dx
        assert abs(seen_y - y) < 0.75 * camera.dy
        assert (camera.image_height, camera.image_width) == (tall, wide)
        drawing = OverlayMaker(RosMessages(), contract)
        (drawn,) = drawing.draw(tick, Overlay("jet", 0.5, 0), TickScale(), ["top"])
        heat = np.abs(drawn.rgb.astype(int) - source).sum(axis=2).astype(float)
        heat[y - 3 : y + 4, x - 3 : x + 4] = 0
        rows, cols = np.nonzero(heat > 0.8 * heat.max())
        assert abs(cols.mean() - x) < camera.dx
        assert abs(rows.mean() - y) < camera.dy


@pytest.mark.parametrize("degrees", TURNS)
@pytest.mark.parametrize("keep", [False, "center", "top_left", "bottom_right"])
def test_a_token_is_found_among_the_cells_of_the_message(degrees, keep):
    contract = contract_of(rotate=degrees, resize={"keep_aspect": keep})
    cells = np.arange(1, ROWS * COLS + 1, dtype=np.float32).reshape(ROWS, COLS)
    source = np.zeros((50, 120, 3) if degrees in {90, 270} else (120, 50, 3), np.uint8)
    tick = tick_of(contract, source, cells)
    message = AttentionMapMaker(RosMessages(), SPEC, contract).make(tick)
    (camera,) = message.cameras
    shown = np.asarray(camera.cells).reshape(camera.rows, camera.cols)
    left_out = 0.0
    for row in range(ROWS):
        for col in range(COLS):
            found = cell_in_message(camera, row, col)
            assert _Placing(message, ["top"]).cell(0, row, col) == found
            if found is None:
                left_out += cells[row, col]
            else:
                assert shown[found] == cells[row, col]
                assert np.asarray(camera.signed_cells).reshape(shown.shape)[found] == -shown[found]
    assert camera.rotate == degrees
    assert camera.padding_share == pytest.approx(left_out)
    assert camera.share == pytest.approx(shown.sum() + left_out)
    assert (left_out > 0) == bool(keep)
    assert (camera.peak_row, camera.peak_col) == divmod(int(shown.argmax()), camera.cols)


def test_a_camera_that_is_taken_as_it_is_keeps_its_cells():
    contract = contract_of()
    cells = np.random.default_rng(0).random((ROWS, COLS)).astype(np.float32)
    tick = tick_of(contract, np.zeros((96, 128, 3), np.uint8), cells)
    found = source_cells(tick.maps.cameras[0], tick.observation.regions["top"])
    np.testing.assert_array_equal(found.cells, cells)
    assert found.grid == (15.5, 15.5, 32.0, 32.0)
    assert (found.first, found.padding_share) == ((0, 0), 0.0)
