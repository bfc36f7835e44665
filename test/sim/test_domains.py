# SPDX-License-Identifier: Apache-2.0
"""DDS domains for one at a time on a machine."""

import socket
import subprocess
import sys

import pytest

from pam_ros.sim import domains
from pam_ros.sim.domains import TakenDomain
from pam_ros.sim.errors import SimError


@pytest.fixture
def taken():
    made = []

    def take():
        made.append(TakenDomain())
        return made[-1]

    yield take
    for each in made:
        each.close()


def begin_with(monkeypatch, *numbers):
    monkeypatch.setattr(domains, "_places", iter([each - domains.FIRST for each in numbers]))


def test_each_takes_another_one(taken):
    first, second = taken(), taken()
    assert first.number != second.number
    assert all(domains.FIRST <= each.number <= domains.LAST for each in (first, second))


def test_another_process_does_not_take_what_is_taken(taken):
    first = taken()
    code = (
        "import sys, pam_ros.sim.domains as domains\n"
        "domains._places = iter([int(sys.argv[1]) - domains.FIRST, int(sys.argv[2])])\n"
        "print(domains.TakenDomain().number)"
    )
    command = [sys.executable, "-c", code, str(first.number), str(taken().number + 5)]
    other = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(other.stdout) != first.number


def test_what_was_given_back_can_be_taken(taken, monkeypatch):
    first = taken()
    first.close()
    begin_with(monkeypatch, first.number)
    assert taken().number == first.number


@pytest.mark.parametrize("index", [0, 1, 7])
def test_a_domain_that_somebody_is_in_is_passed_over(taken, monkeypatch, index):
    """Also where whoever was there first has left."""
    first, second = taken(), taken()
    for each in (first, second):
        each.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(("127.0.0.1", 7400 + 250 * first.number + 10 + 2 * index))
        begin_with(monkeypatch, first.number, second.number)
        assert taken().number == second.number
    begin_with(monkeypatch, first.number)
    assert taken().number == first.number


def test_there_is_a_sentence_where_all_are_in_use(monkeypatch):
    monkeypatch.setattr(domains, "_bound", lambda *_: None)
    with pytest.raises(SimError, match="the DDS domains 10 to 99 are all in use here: name one"):
        TakenDomain()
