# SPDX-License-Identifier: Apache-2.0
"""One topic cropped into two features: replay, collection and data sets, against two topics."""

import numpy as np
import pytest
import yaml
from recorded_robot import (
    ATTENTION,
    CONTRACT,
    HEIGHT,
    TYPES,
    WIDTH,
    difference,
    image,
    observed,
    picture,
    read,
    write_bag,
)

from pam_ros.observations.bag import BagSource
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings


@pytest.fixture
def shared_contract(tmp_path):
    contract = yaml.safe_load(CONTRACT.format(trigger="trigger: side"))
    for place, camera in enumerate(contract["cameras"]):
        camera["topic"] = "/wide/image_raw"
        camera["crop"] = {"x": place * (WIDTH + 8), "y": 0, "width": WIDTH, "height": HEIGHT}
    file = tmp_path / "shared.yaml"
    file.write_text(yaml.safe_dump(contract))
    return str(file)


@pytest.fixture
def shared_bag(tmp_path):
    """What `observed` has on two topics, side by side on one."""

    def messages():
        for topic, stamp, received, data in observed(7):
            if topic == "/side/image_raw":
                continue
            if topic == "/top/image_raw":
                frame = (stamp - 1_700_000_000_000_000_000) // 100_000_000
                gap = np.zeros((HEIGHT, 8, 3), np.uint8)
                wide = np.hstack([picture(2 * frame), gap, picture(2 * frame + 1)])
                yield "/wide/image_raw", stamp, received, image(stamp, wide, "wide")
            else:
                yield topic, stamp, received, data

    types = {"/wide/image_raw": TYPES["/top/image_raw"], **TYPES}
    del types["/top/image_raw"], types["/side/image_raw"]
    return write_bag(tmp_path / "shared", messages(), types)


def test_a_replay_has_the_maps_of_two_topics_placed_in_the_wide_picture(
    checkpoint, contract, shared_contract, shared_bag, tmp_path
):
    apart = write_bag(tmp_path / "apart", observed(7))
    found = {}
    for name, bag, by in (("apart", apart, contract), ("shared", shared_bag, shared_contract)):
        settings = ReplaySettings(policy=str(checkpoint), contract=by, threads=1, batch=3)
        report = replay_bag(bag, tmp_path / f"{name}_out", settings)
        assert (report.ticks, report.valid) == (7, 7)
        found[name] = read(tmp_path / f"{name}_out", ATTENTION)
    for one in found["shared"]:
        top, side = one.cameras
        assert (top.image_width, side.image_width) == (2 * WIDTH + 8, 2 * WIDTH + 8)
        assert side.x0 - top.x0 == WIDTH + 8
        # But for the place, they are the same.
        top.image_width = side.image_width = WIDTH
        side.x0 = top.x0
        top.header.frame_id, side.header.frame_id = "top", "side"
        one.header.frame_id = "top"
    for one in found["apart"]:
        one.header.frame_id = "top"
    assert difference(found["shared"], found["apart"]) == 0
    # The maps name what each camera saw: replayed by them, they come again.
    settings = ReplaySettings(policy=str(checkpoint), contract=shared_contract, threads=1, batch=3)
    again = replay_bag(tmp_path / "shared_out", tmp_path / "again", settings)
    assert (again.ticks, again.valid) == (7, 7)


def test_a_collection_has_the_observations_of_two_topics(
    checkpoint, contract, shared_contract, shared_bag, tmp_path
):
    policy = load_policy(str(checkpoint), device="cpu")
    apart = BagSource(policy, [write_bag(tmp_path / "apart", observed(7))], contract)
    shared = BagSource(policy, [shared_bag], shared_contract)
    pairs = list(zip(apart.frames(None), shared.frames(None), strict=True))
    assert len(pairs) == 7
    for one, other in pairs:
        for feature, value in one.observation.items():
            np.testing.assert_array_equal(value, other.observation[feature])
