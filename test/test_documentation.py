# SPDX-License-Identifier: Apache-2.0
"""What the documents point to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "models").glob("*/README.md")),
    ROOT / "rclpy_cyclone" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_of_a_document_exists(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_readme_names_the_launch_files_and_parameter_files_there_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in (*(ROOT / "launch").glob("*.py"), ROOT / "config" / "act_attention.yaml"):
        assert file.name in text
