# SPDX-License-Identifier: Apache-2.0
"""Scores of planted maps: what follows the words, what does not, and what cannot."""

import numpy as np
import pytest

from pam_ros.attention.layout import CameraTokens, TokenGroup, TokenLayout
from pam_ros.attention.look import Stack
from research.word_report import best_of, report, table
from research.word_scores import changes, margins, named_is_strongest, overlaps, score, share_on
from research.word_views import (
    ALL_STEPS,
    EVERYTHING,
    ONCE,
    WORDS,
    View,
    looks_for,
    node_shows,
    parameters,
    selection_of,
    views_of,
)

GRID = CameraTokens("observation.images.top", 0, 6, 8, 240, 320, 19.5, 19.5, 40.0, 40.0)
FOLLOWS = np.eye(3) * 0.4 + 0.1
"""Told and object: half of the map on the named one, a tenth on each other."""


def planted(scenes, of_told):
    return np.broadcast_to(of_told, (scenes, 2, 3, 3)).copy()


def test_a_square_covers_four_cells_of_area_and_each_by_its_part():
    found = overlaps(GRID, np.array([19.5 + 2.25 * 40, 19.5 + 3 * 40]))
    assert found.sum() == pytest.approx(4.0)
    assert found[3] == pytest.approx([0, 0.25, 1, 0.75, 0, 0, 0, 0])
    assert found[:, 2] == pytest.approx([0, 0, 0.5, 1, 0.5, 0])


def test_a_square_at_the_pictures_corner_is_cut_there():
    assert overlaps(GRID, np.array([19.5, 19.5])).sum() == pytest.approx(1.5**2)


def test_an_object_has_the_part_of_the_mass_that_lies_in_its_square():
    cells = np.zeros((6, 8))
    cells[3, 2], cells[0, 7] = 3.0, 1.0
    squares = np.stack([overlaps(GRID, np.array([19.5 + 2 * 40, 19.5 + 3 * 40])),
                        overlaps(GRID, np.array([19.5 + 5 * 40, 19.5 + 3 * 40]))])  # fmt: skip
    assert share_on(cells, squares) == pytest.approx([0.75, 0.0])
    assert np.isnan(share_on(np.zeros((6, 8)), squares)).all()


def test_a_map_that_goes_where_the_words_point_has_all():
    shares = planted(30, FOLLOWS)
    found = score(shares)
    assert found.named.value == 1.0
    assert found.margin.value == pytest.approx(0.4)
    assert found.changed.value == 1.0
    assert found.scenes == 30
    # Thirty of thirty scenes are not certainty.
    assert 0.85 < found.named.low < 0.9


def test_a_map_that_no_word_changes_has_exactly_chance_whatever_it_shows():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.random((40, 2, 1, 3)), 3, axis=2)
    found = score(same)
    assert found.named.value == pytest.approx(1 / 3)
    assert found.margin.value == pytest.approx(0.0, abs=1e-12)
    assert found.changed.value == 0.0


def test_a_random_map_changes_with_the_words_and_follows_none():
    found = score(np.random.default_rng(1).random((400, 2, 3, 3)))
    assert found.named.low < 1 / 3 < found.named.high
    assert found.margin.low < 0 < found.margin.high
    # Of nine equally likely pairs of objects, six are of two.
    assert found.changed.value == pytest.approx(2 / 3, abs=0.05)


def test_a_map_that_goes_where_the_words_do_not_point_changes_but_does_not_follow():
    shares = planted(10, np.roll(FOLLOWS, 1, axis=1))
    assert named_is_strongest(shares) == pytest.approx(0)
    assert margins(shares) == pytest.approx(-0.2)
    assert changes(shares) == pytest.approx(1)


def test_pictures_in_which_an_object_is_not_seen_do_not_count():
    shares = planted(4, FOLLOWS)
    shares[0] = np.nan
    shares[1, 0] = np.nan
    shares[1, 1] = np.roll(FOLLOWS, 1, axis=1)
    assert np.isnan(named_is_strongest(shares)[0])
    assert named_is_strongest(shares)[1:] == pytest.approx([0, 1, 1])
    assert score(shares).scenes == 3
    assert score(shares).named.value == pytest.approx(2 / 3)


def test_without_a_picture_that_counts_the_sentence_asks_for_more_scenes():
    with pytest.raises(ValueError, match="use more scenes"):
        score(np.full((3, 2, 3, 3), np.nan))


class Spec:
    """Two cameras' worth of nothing: what views need of a policy's spec."""

    denoising_steps = 4

    def __init__(self, words=2):
        self.layout = TokenLayout((
            TokenGroup("image", 0, 48, GRID),
            TokenGroup("language", 48, 48 + words),
            TokenGroup("joint_state", 48 + words, 49 + words),
        ))  # fmt: skip
        keys = (0, 49 + words)
        self.stacks = (
            Stack("expert", "e.{layer}", "cross", 2, 3, 5, keys, depths=(1, 2)),
            Stack("prefix", "p.{layer}", "self", 2, 3, 49 + words, keys),
        )

    def stack(self, name):
        return next(stack for stack in self.stacks if stack.name == name)


def test_views_are_every_layer_head_and_step_with_their_means():
    found = views_of(Spec())
    assert len(found) == len(set(found))
    count = {method: sum(view.method == method for view in found) for method, *_ in found}
    assert count == {
        "cross_attention": 2 * (3 + 1) * (4 + 1),
        "rollout": 2 * (3 + 1) * (4 + 1),
        "encoder_attention": 2 * (3 + 1) * 3,
    }


def test_a_view_of_the_words_reads_those_of_the_instruction_that_there_is():
    view = View("encoder_attention", 1, 2, ONCE, WORDS)
    assert selection_of(view, Spec(words=2)).look.queries == (48, 50)
    assert selection_of(view, Spec(words=7)).look.queries == (48, 55)


def test_what_passes_keep_is_all_that_the_views_read():
    spec = Spec()
    views = views_of(spec)
    rng = np.random.default_rng(0)
    weights = {}
    for look in looks_for(views, spec):
        stack = spec.stack(look.stack)
        for step in look.steps(stack, spec.denoising_steps):
            raw = rng.random((3, stack.queries, stack.keys[1]), np.float32)
            weights[stack.name, look.layer, step] = raw / raw.sum(axis=2, keepdims=True)
    for view in views:
        maps = selection_of(view, spec).maps_of(weights, spec)
        assert maps.total == pytest.approx(1, abs=1e-5)
    last = View("cross_attention", 1, 0, 3)
    shown = selection_of(last, spec).maps_of(weights, spec).cameras[0].cells.ravel()
    expected = weights["expert", 1, 3][0].mean(axis=0)[:48]
    assert shown == pytest.approx(expected, rel=1e-5)
    mean = selection_of(View("cross_attention", 1, 0, ALL_STEPS), spec).maps_of(weights, spec)
    steps = np.mean([weights["expert", 1, step][0].mean(axis=0)[:48] for step in range(4)], axis=0)
    assert mean.cameras[0].cells.ravel() == pytest.approx(steps, rel=1e-5)


def test_the_node_shows_every_step_and_says_how():
    spec = Spec()
    last, before = View("cross_attention", 1, None, 3), View("cross_attention", 1, None, 0)
    mean = View("cross_attention", 1, None, ALL_STEPS)
    assert all(node_shows(view) for view in (last, before, mean))
    said = 'attention_method: cross_attention, attention_layer: 1, attention_head: "mean"'
    assert parameters(last, spec) == said
    assert parameters(before, spec) == f'{said}, attention_step: "0"'
    assert parameters(mean, spec) == f'{said}, attention_step: "mean"'


def test_what_the_words_read_has_no_parameter():
    words = View("encoder_attention", 0, None, ONCE, WORDS)
    assert not node_shows(words)
    assert "no parameter" in parameters(words, Spec())


def test_the_best_is_chosen_on_one_half_and_reported_on_the_other():
    spec = Spec()
    good, lucky = View("cross_attention", 0, 1, 3), View("cross_attention", 1, None, 3)
    first_steps = View("cross_attention", 0, None, 3)
    still = planted(20, np.full((3, 3), 0.2))
    # What shines in the first half alone is chosen, and its figures are those of the other.
    deceiving = still.copy()
    deceiving[:10] = FOLLOWS
    almost = planted(20, FOLLOWS)
    almost[0] = 0.2
    shares = {first_steps: still, lucky: deceiving, good: almost, View("random map"): still}
    found = report({view: {"top": of} for view, of in shares.items()}, spec, ["top"])
    assert found.best == found.best_shown == lucky
    assert found.scores[lucky]["top"].named.value == pytest.approx(1 / 3)
    assert found.scores[good]["top"].named.value == 1.0
    assert found.following() == {("cross_attention", 0): (1, 2), ("cross_attention", 1): (0, 1)}
    rows = [(view, mark) for view, mark in found.rows]
    assert rows == [(first_steps, ""), (good, "chosen"), (lucky, ""), (View("random map"), "")]
    text = table(found)
    assert "the best view is cross_attention, layer 1, mean over heads, step 3" in text
    assert "| random map | 33%" in text


def test_of_views_that_are_right_equally_often_the_larger_margin_is_best():
    weak, strong = View("cross_attention", 0, None, 3, EVERYTHING), View("cross_attention", 1)
    shares = {weak: planted(5, np.eye(3) * 0.1 + 0.1), strong: planted(5, FOLLOWS)}
    assert best_of(shares, shares) == strong
