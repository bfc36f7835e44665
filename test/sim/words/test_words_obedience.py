# SPDX-License-Identifier: Apache-2.0
"""The evaluation's counting, on actors of which it is known what they do."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from pam_ros import cli
from pam_ros.commands import evaluate_words
from pam_ros.sim.expert import expert_action
from pam_ros.sim.instructions import ABSENT, NONSENSE, asked_for
from pam_ros.sim.scene import CUBE_HALF_SIZE, OBJECTS, Scene, place
from pam_ros.sim.words import trials as trials_file
from pam_ros.sim.words.obedience import CHANGED, OBEY, Counts, interval, rows, table, trials
from pam_ros.sim.words.trials import Trial, run_trial

COUNTS = Counts(scenes=2, held_out=1, changed=6, controls=3)


class Scripted:
    """Goes where `choose` says for a text; knows the scene by the seeds that it will be given."""

    def __init__(self, seeds, choose):
        self._seeds, self._choose = iter(seeds), choose
        self.told = []

    def reset(self):
        self._positions = place(next(self._seeds)).positions

    def instruct(self, text):
        self.told.append(text)
        self._target = self._choose(text)

    def act(self, observation):
        joints = observation["observation.state"]
        if self._target is None:
            return joints
        xy = self._positions[OBJECTS.index(self._target)]
        return expert_action(joints, np.array([*xy, CUBE_HALF_SIZE]))


def obedient(text):
    return None if text is None else asked_for(text)


@pytest.fixture(scope="module")
def scene():
    with Scene(24, 32) as opened:
        yield opened


def run(scene, choose, counts=COUNTS):
    planned = list(trials(1000, counts))
    actor = Scripted([trial.seed for trial in planned], choose)
    return [run_trial(scene, actor, trial) for trial in planned], actor


@pytest.fixture(scope="module")
def obeyed(scene):
    return run(scene, obedient)


def test_an_actor_that_obeys_reaches_everything_that_is_named_and_nothing_else(obeyed):
    outcomes, _ = obeyed
    for outcome in outcomes:
        assert outcome.reached == outcome.trial.named
        assert outcome.obeyed is (outcome.trial.named is not None)
        assert outcome.distance < 0.02 or outcome.trial.named is None


def test_an_actor_that_always_goes_to_one_object_obeys_in_a_third(scene):
    outcomes, _ = run(scene, lambda text: "blue_cube", Counts(2, 0, 0, 1))
    found = {(row["condition"], row["named"]): row for row in rows(outcomes)}
    assert found[OBEY, "blue_cube"]["obeyed"] == 2
    assert found[OBEY, "red_cube"]["obeyed"] == 0
    assert found[OBEY, "red_cube"]["reached"] == {
        "red_cube": 0, "blue_cube": 2, "green_cylinder": 0
    }  # fmt: skip
    assert (found[OBEY, "all"]["obeyed"], found[OBEY, "all"]["trials"]) == (2, 6)
    assert found["masked", None]["reached"]["blue_cube"] == 1
    assert "obeyed" not in found["masked", None]


def test_every_condition_has_its_words_and_scenes(obeyed):
    outcomes, _ = obeyed
    by_condition = {}
    for outcome in outcomes:
        by_condition.setdefault(outcome.trial.condition, []).append(outcome.trial)
    assert {name: len(found) for name, found in by_condition.items()} == {
        OBEY: 6,
        "held out, known words": 3,
        "held out, a new verb": 3,
        CHANGED: 6,
        "masked": 3,
        "nonsense": 3,
        "absent object": 3,
    }
    assert {trial.seed for trial in by_condition[OBEY]} == {1000, 1001}
    assert [trial.text for trial in by_condition["masked"]] == [None] * 3
    assert {trial.text for trial in by_condition["nonsense"]} == set(NONSENSE)
    assert {trial.text for trial in by_condition["absent object"]} == set(ABSENT)
    assert all(asked_for(trial.text) == trial.named for trial in by_condition[OBEY])


def test_words_change_on_the_way_between_all_pairs_of_objects(obeyed):
    outcomes, actor = obeyed
    changed = [o.trial for o in outcomes if o.trial.condition == CHANGED]
    pairs = {(asked_for(trial.first), trial.named) for trial in changed}
    assert len(pairs) == 6
    assert all(before != after for before, after in pairs)
    told = actor.told
    first = told.index(changed[0].first, len(told) - 9 - 12)
    assert told[first : first + 2] == [changed[0].first, changed[0].text]


def test_an_object_that_was_reached_before_the_words_changed_does_not_count(scene, monkeypatch):
    monkeypatch.setattr(trials_file, "CHANGE_TICK", 40)
    trial = Trial(CHANGED, 1000, "reach the blue cube", "blue_cube", "reach the red cube")
    outcome = run_trial(scene, Scripted([1000], obedient), trial)
    # The arm rested over the red cube for seconds before, for less than half a second after.
    assert outcome.reached == "blue_cube"


def test_an_actor_that_idles_reaches_none_and_says_what_was_nearest(scene):
    trial = Trial("nonsense", 1000, NONSENSE[0], None)
    outcome = run_trial(scene, Scripted([1000], obedient), trial)
    assert outcome.reached is None
    assert outcome.ticks == 100
    distances = [np.linalg.norm(scene.tip[:2] - scene.position(name)[:2]) for name in OBJECTS]
    assert outcome.nearest in OBJECTS
    assert outcome.distance >= min(distances)


def test_the_interval_is_wilsons():
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert interval(100, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)


def test_the_table_has_a_line_for_every_row(obeyed):
    outcomes, _ = obeyed
    text = table(outcomes)
    assert len(text.splitlines()) == 2 + len(rows(outcomes))
    assert re.search(
        r"\| instruction \| red cube \| 2 of 2 \(34 to 100 %\) \| 2 \| 0 \| 0 \|", text
    )
    assert "| nonsense |  |  | 0 | 0 | 0 | 3 |  |" in text


def test_the_command_writes_table_and_json(tmp_path, monkeypatch, capsys):
    seeds = [trial.seed for trial in trials(1005, Counts(1, 0, 0, 1))]
    monkeypatch.setattr(evaluate_words, "_actor", lambda options: Scripted(seeds, obedient))
    file = tmp_path / "words.json"
    arguments = ["--seed", "1005", "--episodes", "1", "--held-out", "0", "--changed", "0"]
    arguments += ["--controls", "1", "--json", str(file)]
    assert cli.main(["sim", "evaluate", "--instructions", *arguments]) == 0
    assert "| instruction | all | 3 of 3 (" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert written["first_seed"] == 1005
    assert [trial["obeyed"] for trial in written["trials"]] == [True] * 3 + [False] * 3
    assert written["trials"][0]["named"] == written["trials"][0]["reached"] == "red_cube"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed", "99990"], "scenes 99990 to 100089 are not all unseen"),
        (["--episodes", "-1"], "numbers of scenes must be 0 or more"),
        (
            ["--episodes", "0", "--held-out", "0", "--changed", "0", "--controls", "0"],
            "one of them at least 1",
        ),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--policy", "/nowhere"], "/nowhere holds no policy that reads words"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(arguments, sentence, capsys):
    pytest.importorskip("transformers")
    assert cli.main(["sim", "evaluate", "--instructions", *arguments]) == 1
    assert sentence in capsys.readouterr().err
