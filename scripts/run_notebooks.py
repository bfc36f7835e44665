# SPDX-License-Identifier: Apache-2.0
"""Runs the notebooks of examples/ and stores their outputs: python scripts/run_notebooks.py [NAME].

Needs the extra `notebook`. A test runs them too, and stores nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def leave_out_the_machine(notebook: nbformat.NotebookNode) -> None:
    """When it ran, and what libraries say on stderr, which has paths of this machine."""
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]


def main(names: list[str]) -> None:
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=1800,
            startup_timeout=300,
            coalesce_streams=True,
            resources={"metadata": {"path": str(EXAMPLES)}},
        )
        client.execute()
        leave_out_the_machine(notebook)
        nbformat.write(notebook, path)
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 2**20:.2f} MiB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
