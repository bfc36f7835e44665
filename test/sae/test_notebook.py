# SPDX-License-Identifier: Apache-2.0
"""The notebook's cells run, one after the other, on descriptions of planted features."""

from __future__ import annotations

import json
from pathlib import Path

from planted_episodes import episodes_store, planted_sae

from pam_ros.sae.describe.descriptions import describe, matches
from pam_ros.sae.describe.file import write_descriptions

NOTEBOOK = Path(__file__).parents[2] / "examples" / "sae_features.ipynb"


def test_every_cell_runs_and_the_last_ones_name_the_match(tmp_path, monkeypatch, capsys):
    sae = planted_sae(tmp_path / "sae")
    store = episodes_store(tmp_path / "store", range(4))
    found = describe(sae, store)
    write_descriptions(tmp_path / "out", found, sae, store.info, {"twin": matches(sae, sae)})
    monkeypatch.setenv("PAM_ROS_FEATURES", str(tmp_path / "out"))
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    printed = capsys.readouterr().out
    assert "16 features; 56 ticks of synthetic" in printed
    assert f"'feature': {names['chosen']}, 'cosine'" in printed
