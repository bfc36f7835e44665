# SPDX-License-Identifier: Apache-2.0
"""One place prints what went wrong with a job and gives its exit status."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pam_ros import cli
from pam_ros.share.errors import PamRosError


@pytest.fixture
def job(monkeypatch):
    """Registers `pam_ros job`, which raises what it is given."""

    def register(error: BaseException, **options: object) -> None:
        def main(_: object) -> int:
            raise error

        module = ModuleType("a_job")
        module.main = main
        monkeypatch.setitem(sys.modules, "a_job", module)
        entry = cli.Job("a_job", needs_graph=False, summary="")._replace(**options)
        monkeypatch.setitem(cli.JOBS, "job", entry)

    return register


def test_what_a_user_can_mend_is_one_sentence_and_status_one(job, capsys):
    job(PamRosError("there is no bag"))
    assert cli.main(["job"]) == 1
    assert capsys.readouterr().err == "pam_ros job: there is no bag\n"


def test_a_job_with_words_is_named_by_both(job, capsys):
    job(PamRosError("no"), has_words=True)
    assert cli.main(["job", "train", "--out", "x"]) == 1
    assert capsys.readouterr().err == "pam_ros job train: no\n"


def test_a_file_that_cannot_be_used_is_one_sentence(job, capsys):
    job(PermissionError(13, "Permission denied", "out"))
    assert cli.main(["job"]) == 1
    assert "pam_ros job: " in (said := capsys.readouterr().err)
    assert "Permission denied" in said


def test_what_breaks_on_a_graph_keeps_its_traceback(job, monkeypatch):
    monkeypatch.setattr(cli, "_provide_rclpy", lambda: None)
    job(PermissionError(13, "Permission denied", "out"), needs_graph=True)
    with pytest.raises(PermissionError):
        cli.main(["job"])


def test_a_bug_keeps_its_traceback(job):
    job(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["job"])


def test_ctrl_c_is_status_130_and_says_how_to_go_on(job, capsys):
    job(KeyboardInterrupt(), goes_on="; the same command goes on from here")
    assert cli.main(["job"]) == 130
    assert capsys.readouterr().err == (
        "\npam_ros job: stopped; the same command goes on from here\n"
    )


def test_the_version_is_that_of_the_package(capsys):
    assert cli.main(["--version"]) == 0
    text = (Path(__file__).parents[1] / "package.xml").read_text()
    assert capsys.readouterr().out == f"pam_ros {re.search('<version>(.*)</version>', text)[1]}\n"


def test_python_dash_m_is_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pam_ros", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("pam_ros", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("pam_ros ")
