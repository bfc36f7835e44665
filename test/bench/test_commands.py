# SPDX-License-Identifier: Apache-2.0
"""Commands beside a contribution: that it is there, and gone when a command is to be alone."""

import threading

import pytest

from bench import command_rows
from bench.command_rows import Company, rows
from bench.interleave import Effort, interleave
from bench.our_rows import Ours

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def company():
    company = Company(nice=0)
    yield company
    company.close()


class Policy:
    """Its step says what was under way beside it."""

    def __init__(self):
        self.working = False
        self.seen = []
        self.threads = set()

    def contribute(self):
        self.working = True
        self.threads.add(threading.current_thread().name)
        self.working = False

    def step(self, observation):
        self.seen.append(observation)
        return observation


def test_contributions_follow_one_another_in_the_thread_beside_until_they_are_to_leave(company):
    policy = Policy()
    enough = threading.Event()

    def contribute():
        policy.contribute()
        if company.finished >= 3:
            enough.set()

    company.join(contribute)
    assert enough.wait(60)
    company.leave()
    finished = company.finished
    assert finished >= 4
    assert policy.threads == {"beside"}
    assert company.step(policy, "alone") == "alone"
    assert company.finished == finished
    company.join(contribute)
    assert company.step(policy, "beside") == "beside"
    company.leave()
    assert company.finished > finished


def test_a_contribution_that_fails_beside_the_commands_ends_the_benchmark(company):
    def contribute():
        message = "no memory is left"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="beside the commands failed: no memory is left"):
        company.join(contribute)
        company.leave()


def test_a_command_that_finds_no_contribution_beside_it_is_not_counted_as_beside_one(company):
    policy, inside = Policy(), threading.Event()

    def contribute():
        inside.set()
        assert ended.wait(60)
        message = "it ended"
        raise RuntimeError(message)

    ended = threading.Event()
    company.join(contribute)
    assert inside.wait(60)

    def step(_):
        ended.set()
        company._ended.wait(60)

    policy.step = step
    with pytest.raises(RuntimeError, match="it ended"):
        company.step(policy, None)


def test_commands_come_at_any_moment_of_a_contribution(company, monkeypatch):
    waits = []
    monkeypatch.setattr(command_rows.time, "sleep", waits.append)
    for _ in range(20):
        company._seconds = 10.0
        company.join(lambda: None)
        company.leave()
        # The contributions of nothing are short: the next join is told of long ones again.
    assert all(0.0 <= wait <= 10.0 for wait in waits)
    assert len(set(waits)) == 20


def test_each_engine_has_a_command_alone_and_beside_both_kinds_of_contribution(subject, company):
    ours = Ours(subject, [("eager", "float32")])
    found = rows(subject, ours, [("eager", "float32")], company)
    keys = [row.key for row in found]
    assert keys == [
        "alone_eager_float32",
        "beside_pixels_eager_float32",
        "beside_tokens_eager_float32",
    ]
    assert {row.against for row in found} == {"alone_eager_float32"}
    alone, pixels, tokens = found
    assert alone.before is None
    for row in (pixels, tokens):
        finished = company.finished
        row.before()
        row.run()
        row.after()
        assert company.finished > finished
    finished = company.finished
    alone.run()
    assert company.finished == finished
    timing = interleave(found, Effort(seconds=0.0, fewest=3, warmup=1))
    assert {len(timing.seconds[key]) for key in keys} == {3}
    assert all(seconds > 0 for key in keys for seconds in timing.seconds[key])


def test_an_engine_that_cannot_run_has_its_rows_with_the_reason(subject, company):
    ours = Ours(subject, [("cuda_graph", "float32")])
    found = rows(subject, ours, [("cuda_graph", "float32")], company)
    assert len(found) == 3
    assert all(row.run is None and "needs a CUDA device" in row.missing for row in found)
