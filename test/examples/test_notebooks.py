# SPDX-License-Identifier: Apache-2.0
"""The notebooks run, in a kernel of their own, and what is stored of them is whole and small."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
LARGEST = 1_500_000
PICTURES = {"image/png", "image/svg+xml"}


def cells_of(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def shows(cell):
    """Whether the cell's last line is an expression that gives something, or it prints."""
    return "print(" in cell.source or not re.match(
        r"(\w+(, \w+)* = |from |import |\)|\}|    |@|assert )", cell.source.splitlines()[-1]
    )


def pictures(cells):
    return [
        kind for cell in cells for output in cell.outputs for kind in output.get("data", {})
        if kind in PICTURES
    ]  # fmt: skip


def test_there_are_five():
    assert [path.stem for path in NOTEBOOKS] == [
        "is_the_heat_true",
        "look_at_a_policy",
        "my_own_dataset",
        "my_own_robots_bag",
        "sae_features",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_a_whole_run_with_pictures(path):
    cells = cells_of(path)
    assert path.stat().st_size < LARGEST
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert bool(cell.outputs) or not shows(cell), cell.source
        assert not any(output.output_type == "error" for output in cell.outputs)
    assert len(pictures(cells)) >= 2
    text = path.read_text()
    assert "site-packages" not in text
    assert str(ROOT) not in text


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    stored = pictures(cells_of(path))
    client = NotebookClient(
        notebook,
        timeout=900,
        startup_timeout=300,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()  # an error in a cell is one here
    run = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert pictures(run) == stored
