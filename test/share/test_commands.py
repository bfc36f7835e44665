# SPDX-License-Identifier: Apache-2.0
"""Options are written in full, and a mistyped word names a near one."""

import pytest

from pam_ros import cli
from pam_ros.share.commands import Parser


@pytest.fixture
def parser():
    outer = Parser(prog="job")
    jobs = outer.add_subparsers(dest="job", required=True)
    jobs.add_parser("check").add_argument("--policy")
    jobs.add_parser("init")
    return outer


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["check", "--polic", "x"], "did you mean '--policy'?"),
        (["check", "--polciy=x"], "did you mean '--policy'?"),
        (["chekc"], "did you mean 'check'?"),
    ],
)
def test_a_mistyped_word_is_refused_with_a_near_one(parser, words, near, capsys):
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(words)
    assert caught.value.code == 2
    assert near in capsys.readouterr().err


def test_what_is_far_from_all_names_none(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["check", "--zzz"])
    assert "did you mean" not in capsys.readouterr().err


def test_a_mistyped_command_names_a_near_one(capsys):
    assert cli.main(["contarct"]) == 1
    assert "did you mean 'contract'?" in capsys.readouterr().err
