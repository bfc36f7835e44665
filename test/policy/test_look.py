# SPDX-License-Identifier: Apache-2.0
"""policy.look takes what people have, draws what the node draws, and leaves the policy alone."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from pam_ros.attention import DRAWING, Overlay, attention_maps, make_scale
from pam_ros.policy import ObservationError, PolicyError, load_policy, look
from pam_ros.policy.notebook.fitting import fit_observation
from pam_ros.robot.resizing import fit

TOP, WRIST, STATE = "observation.images.top", "observation.images.wrist", "observation.state"


@pytest.fixture(scope="module")
def policy(saved):
    return load_policy(saved, device="cpu", engine="eager")


@pytest.fixture
def observation():
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for name in (TOP, WRIST)}
    return {**pictures, STATE: rng.normal(size=6).astype(np.float32)}


def as_item(observation):
    """An item of a LeRobot dataset: float pictures with channels first, and more than is read."""
    item = {
        name: torch.from_numpy(array.copy())
        if name == STATE
        else torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255
        for name, array in observation.items()
    }
    return {
        **item,
        "action": torch.zeros(4),
        "timestamp": torch.tensor(0.1),
        "task": "reach",
        f"{TOP}_is_pad": torch.tensor([False]),
    }


def as_batch(observation):
    item = as_item(observation)
    other = as_item({name: np.zeros_like(array) for name, array in observation.items()})
    stacked = {
        name: torch.stack([other[name], item[name]])
        for name in item
        if isinstance(item[name], torch.Tensor)
    }
    return {**stacked, "task": ["wait", "reach"]}


def as_tick(observation):
    return SimpleNamespace(observation=observation, task="reach")


def as_pil(observation):
    return {k: v if k == STATE else Image.fromarray(v) for k, v in observation.items()}


def as_short(observation):
    return {name.rpartition(".")[2]: array for name, array in observation.items()}


def as_simulators_world(observation):
    images = {name.rpartition(".")[2]: observation[name] for name in (TOP, WRIST)}
    return SimpleNamespace(images=images, positions=observation[STATE].astype(np.float64))


@pytest.mark.parametrize(
    "form", [as_item, as_tick, as_pil, as_short, as_simulators_world], ids=lambda f: f.__name__
)
def test_every_form_is_the_same_observation(policy, observation, form):
    fitted = fit_observation(policy.spec, form(observation))
    assert fitted.observation.keys() == observation.keys()
    for name, array in observation.items():
        np.testing.assert_array_equal(fitted.observation[name], array)
        assert fitted.observation[name].dtype == array.dtype
    assert fitted.task == ("reach" if form in (as_item, as_tick) else "")


def test_one_of_a_batch_is_taken_by_its_index(policy, observation):
    fitted = fit_observation(policy.spec, as_batch(observation), 1)
    for name, array in observation.items():
        np.testing.assert_array_equal(fitted.observation[name], array)
    assert fitted.task == "reach"
    with pytest.raises(ObservationError, match="has 2 of a batch: say which with index=0 to 1"):
        fit_observation(policy.spec, as_batch(observation))
    with pytest.raises(ObservationError, match="index 2 is out of range"):
        fit_observation(policy.spec, as_batch(observation), 2)


def test_uint8_pictures_may_have_their_channels_first(policy, observation):
    tensors = {
        name: torch.from_numpy(array.copy()).permute(2, 0, 1) if name != STATE else array
        for name, array in observation.items()
    }
    fitted = fit_observation(policy.spec, tensors)
    np.testing.assert_array_equal(fitted.observation[TOP], observation[TOP])


@pytest.mark.parametrize("size", [(128, 192), (480, 640), (20, 30)])
def test_other_sizes_are_fitted_as_the_node_fits_them(policy, observation, size):
    from pam_ros.robot.contract import IMAGE, CameraContract, Size

    large = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    fitted = fit_observation(policy.spec, {**observation, TOP: large})
    camera = CameraContract("top", "/top", IMAGE, TOP, resize="policy", policy_size=Size(64, 96))
    np.testing.assert_array_equal(fitted.observation[TOP], fit(camera, large))
    assert fitted.pictures[TOP].shape == large.shape
    assert bool(fitted.notes) == (size == (480, 640))
    if fitted.notes:
        assert "640x480 (4:3) is squashed into 96x64 (3:2)" in fitted.notes[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({TOP: np.zeros((64, 96), np.uint8)}, "top has shape .64, 96.: a picture is .height"),
        ({TOP: np.full((64, 96, 3), 255.0)}, "from 255 to 255: a picture of float is from 0 to 1"),
        ({TOP: np.full((64, 96, 3), np.nan)}, "a picture of float is from 0 to 1"),
        ({TOP: np.zeros((64, 96, 3), np.int64)}, "top is int64: a picture is uint8, or float"),
        ({STATE: np.zeros(5)}, "state is float32 of shape .5,.: it must be"),
        ({STATE: ["a"] * 6}, "state is <U1: it must be numbers"),
        ({"top": np.zeros((64, 96, 3), np.uint8)}, "has observation.images.top twice"),
    ],
)
def test_what_is_wrong_is_named(policy, observation, change, sentence):
    with pytest.raises(ObservationError, match=sentence):
        fit_observation(policy.spec, {**observation, **change})


def test_what_is_no_observation_is_named(policy, observation):
    with pytest.raises(ObservationError, match=r"an observation is a mapping, such as .*not ndarr"):
        policy.look(observation[TOP])
    with pytest.raises(ObservationError, match=r"lacks observation\.state"):
        policy.look({TOP: observation[TOP], WRIST: observation[WRIST]})
    with pytest.raises(ObservationError, match=r"observation\.images\.side, and this policy reads"):
        policy.look({"observation.images.side": observation[TOP]})
    with pytest.raises(ObservationError, match="index 0 is of a batch"):
        policy.look(observation, index=0)


def test_attention_is_that_of_a_pass_and_drawn_as_on_the_first_tick(policy, observation):
    found = policy.look(observation, "cross_attention", head=1, query=(0, 3))
    policy.reset()
    output = policy.step(observation)
    maps = attention_maps(output.attention, policy.spec.layout, head=1, query=(0, 3))
    scale = make_scale(DRAWING).scale(maps)
    for camera in maps.cameras:
        np.testing.assert_array_equal(found.maps[camera.feature], camera.cells)
        grid = (camera.x0, camera.y0, camera.dx, camera.dy)
        drawn = Overlay().draw(
            observation[camera.feature], camera.cells, *grid, scale, maps.joint_state_share
        )
        np.testing.assert_array_equal(found.overlays[camera.feature], drawn)
    np.testing.assert_array_equal(found.chunk, output.chunk)
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-5)
    assert set(found.shares) == {TOP, WRIST, "latent", "joint_state"}


def test_a_look_moves_nothing(policy, observation):
    policy.reset()
    first = policy.step(observation)
    found = policy.look(observation, "rollout")
    second = policy.step(observation)
    assert (second.step, second.action_source_step) == (1, first.action_source_step)
    assert found.method == "rollout"


def test_the_picture_of_another_size_has_the_heat_at_the_same_place(policy, observation):
    twice = cv2.resize(observation[TOP], (192, 128), interpolation=cv2.INTER_NEAREST)
    large = policy.look({**observation, TOP: twice}, "cross_attention")
    assert large.overlays[TOP].shape == (128, 192, 3)
    (camera,) = (one for one in large.attention.cameras if one.feature == TOP)
    x0, y0, dx, dy = large._grid(camera)
    assert (x0, y0, dx, dy) == (2 * camera.x0 + 0.5, 2 * camera.y0 + 0.5, 64.0, 64.0)


def test_auto_is_contribution_and_signs_sum_to_the_total(policy, observation):
    found = policy.look(observation)
    assert found.method == "contribution"
    total = sum(float(cells.sum()) for cells in found.signed.values())
    assert total == pytest.approx(found.attribution.total, rel=1e-4)
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("method", ["contribution", "integrated_gradients"])
def test_a_baseline_of_ones_own_is_where_the_way_begins(policy, observation, method):
    """Against the same pictures nothing has changed; against black ones it is baseline black."""
    same = policy.look(observation, method, baseline=observation, steps=2)
    assert max(float(np.abs(cells).max()) for cells in same.signed.values()) == 0
    assert same.attention.baseline == "custom"
    black = np.zeros((64, 96, 3), np.uint8)
    own = policy.look(observation, method, baseline=black, steps=2, target="1[0:4]")
    named = policy.look(observation, method, baseline="black", steps=2, target="1[0:4]")
    for feature, cells in named.signed.items():
        np.testing.assert_allclose(own.signed[feature], cells, atol=1e-6)


def test_a_camera_left_out_of_the_baseline_has_no_part(policy, observation):
    found = policy.look(
        observation, "contribution", baseline={"top": np.zeros((10, 15, 3), np.uint8)}
    )
    assert np.abs(found.signed[WRIST]).max() == 0
    assert np.abs(found.signed[TOP]).max() > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "heat"}, "method 'heat' is unknown: use auto, cross_attention"),
        ({"method": "joint_attention"}, "this policy has no joint attention; use cross_attention"),
        ({"method": "rollout", "layer": 9}, "'layer' is 9"),
        ({"method": "rollout", "head": 9}, "'head' has '9'"),
        (
            {"method": "rollout", "layer": "first"},
            "layer is 'first': it must be a whole number, or",
        ),
        (
            {"method": "cross_attention", "denoising_step": "first"},
            "denoising_step is 'first': it ",
        ),
        ({"target": 9}, "target 9 is no joint's number: it must be from 0 to 3"),
        ({"target": 1.5}, "target is 1.5: it must be a whole number"),
        ({"target": "gripper"}, "target 'gripper' is none of this policy's"),
        ({"joints": ("a",)}, "joints has 1 names: it must have 4"),
        ({"baseline": "grey"}, "baseline 'grey' is unknown"),
        ({"baseline": {"side": 1}}, "there is no picture of observation.images.top"),
        (
            {"method": "token_contribution", "baseline": np.zeros((64, 96, 3), np.uint8)},
            "token_contribution compares tokens with their mean",
        ),
    ],
)
def test_a_wrong_option_is_named(policy, observation, options, sentence):
    with pytest.raises(PolicyError, match=sentence):
        policy.look(observation, **options)


def test_natural_words_and_numbers_are_taken(policy, observation):
    last = policy.look(observation, "cross_attention")
    found = policy.look(observation, "cross_attention", layer="last", denoising_step="last")
    np.testing.assert_array_equal(found.maps[TOP], last.maps[TOP])
    policy.look(observation, "cross_attention", denoising_step="mean")
    joints = ("a", "b", "gripper", "d")
    assert policy.look(observation, target=2, joints=joints).attention.target == "gripper"
    assert policy.look(observation, target=2).attention.target == "2"


@pytest.mark.parametrize("name", [TOP, STATE])
@pytest.mark.parametrize("index", [None, 0])
def test_a_batch_of_one_feature_alone_is_named(policy, observation, name, index):
    mixed = {**observation, name: observation[name][None]}
    sentence = rf"{name} has a dimension for several observations and .* has none: give every"
    with pytest.raises(ObservationError, match=sentence):
        policy.look(mixed, index=index)


def test_it_shows_itself(policy, observation, tmp_path):
    found = look(policy, observation, joints=("<a>", "b", "c", "d"), target="<a>")
    page = found._repr_html_()
    assert page.count("<img") == 3
    assert "<script" not in page
    assert "http" not in page
    assert "&lt;a&gt;" in page
    assert "<a>" not in page
    png = cv2.imdecode(np.frombuffer(found._repr_png_(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(png[:, :, ::-1], found.picture())
    assert cv2.imread(str(found.save(tmp_path / "look.png"))).shape == png.shape
    assert repr(found).startswith("<contribution of act: ")
    assert "target <a>" in repr(found)
    assert len(repr(found)) < 200


def test_another_drawing_keeps_the_maps(policy, observation):
    found = policy.look(observation, "rollout")
    bare = found.drawn(alpha=0.0, border=0)
    np.testing.assert_array_equal(bare.overlays[TOP], observation[TOP])
    assert bare.maps[TOP] is found.maps[TOP]
