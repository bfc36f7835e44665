# SPDX-License-Identifier: Apache-2.0
"""The short form of `make fuzz`: the corpus, and a second of mutated inputs for every parser."""

import argparse
import logging
import random
import time

import pytest

from . import one
from .command import line
from .page import page
from .places import CORPUS
from .targets import TARGETS, Target

SECONDS = 1.0


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """What a target writes goes with the test, and so does the silence that it asks of a logger."""
    monkeypatch.setenv("FUZZ_SCRATCH", str(tmp_path))
    quieted = logging.getLogger("pam_ros.policy.act.lerobot")
    level = quieted.level
    yield
    quieted.setLevel(level)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_a_parser_takes_or_refuses_whatever_it_is_given(target):
    parse = target.make()
    seeds = [path.read_bytes() for path in sorted((CORPUS / target.name).iterdir())]
    assert seeds
    for data in seeds:
        parse(data)
    chance = random.Random(target.name)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        data = one.mutated(chance, seeds, target.longest)
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
            pytest.fail(f"{error!r} for {data!r}")


def test_the_loop_ends_at_a_finding_and_keeps_it(tmp_path):
    def parse(data):
        assert data, "wished for"

    target = Target("image", "", lambda: parse, 10, 100, ())
    options = argparse.Namespace(
        seed=1, seconds=0, runs=10**6, memory=4096, longest=5, findings=tmp_path
    )
    with pytest.raises(AssertionError, match="wished for"):
        one.mutate(target, parse, options)
    assert (tmp_path / "image-finding").read_bytes() == b""


def test_a_target_that_fell_short_is_said_so_in_line_and_page():
    result = {
        "target": "cdr",
        "what": "CDR",
        "engine": "mutate",
        "inputs": 10,
        "seconds": 1.0,
        "slowest_input_s": 0,
        "peak_memory_mb": 70,
        "coverage": None,
        "findings": ["out/fuzz/cdr-crash"],
        "status": 77,
        "passed": False,
    }
    assert "FAILED (status 77): 10 inputs" in line(result)
    assert "out/fuzz/cdr-crash" in line(result)
    text = page([result])
    assert "10 (fewer than wanted) | 1,000,000" in text
    assert "**failed**, status 77" in text
