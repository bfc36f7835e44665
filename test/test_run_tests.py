# SPDX-License-Identifier: Apache-2.0
"""`make test` runs every test once, in two processes."""

import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "run_tests.py"


def test_every_test_is_of_one_group():
    first, second = runpy.run_path(str(SCRIPT))["groups"]()
    given = [*first, *second]
    assert len(given) == len(set(given))
    files = {str(file) for file in (ROOT / "test").rglob("test_*.py")}
    taken = [
        file for file in files if sum(file == one or file.startswith(f"{one}/") for one in given)
    ]
    assert sorted(taken) == sorted(files)
    assert all(Path(one).name != "data" for one in given)


def test_a_failure_in_either_process_is_one_of_the_run(tmp_path):
    tests = tmp_path / "test"
    for folder, line in (("robot", "assert True"), ("bags", "assert False")):
        (tests / folder).mkdir(parents=True)
        (tests / folder / f"test_{folder}.py").write_text(f"def test_it():\n    {line}\n")
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "run_tests.py"
    script.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 1
    assert "1 passed" in run.stdout
    assert "1 failed" in run.stdout
    one = subprocess.run(
        [sys.executable, str(script), "test/robot"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert one.returncode == 0, one.stdout
