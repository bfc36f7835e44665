# SPDX-License-Identifier: Apache-2.0
"""The linter of the pages' English finds what it is for, on its line, and nothing in code."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "prose.py"


@pytest.fixture(scope="module")
def faults():
    return runpy.run_path(str(SCRIPT))["faults"]


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("This is no map.", "is not a"),
        ("Hold it against the checkpoint.", "check against"),
        ("Where the node is disabled, it waits.", "'if' or 'when'"),
        ("So long the policy runs.", "meanwhile"),
        ("Who saves a name is told so.", "begin with the subject"),
        (" ".join(["word"] * 26) + ".", "26 words"),
    ],
)
def test_each_rule_names_the_line_and_what_to_write(faults, sentence, rule):
    text = f"# A page\n\nGood so far.\n\n- an item\n- {sentence} Good again.\n"
    (fault,) = faults(text)
    assert rule in fault.rule
    assert fault.line == 6


def test_a_sentence_over_several_lines_is_named_where_it_begins(faults):
    long = "\n".join(["word " * 9] * 3)
    (fault,) = faults(f"One. Two.\n\nThree is short.\n{long}ends.\n")
    assert (fault.line, fault.rule[:8]) == (4, "28 words")


@pytest.mark.parametrize(
    "text",
    [
        "    Where it is no code, hold it against the rest.\n",
        "```\nSo long as it is code\n```\n",
        "| Who has | no rule |\n",
        "# So long\n",
        "It says `is no map` and ``So long``.\n",
        "There is no more to say, and it is no longer there.\n",
        "Where is it? Who knows?\n",
        f"[{'word ' * 20}](a/long/path.md) is one link.\n",
        " ".join(["word"] * 20) + ": " + " ".join(["word"] * 20) + ".\n",
    ],
)
def test_code_tables_headings_quotes_and_good_sentences_are_left_alone(faults, text):
    assert faults(text) == []


def test_the_pages_are_clean_and_a_page_that_is_not_fails(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    page = tmp_path / "page.md"
    page.write_text("# A page\n\nThis is no page.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(page)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == f"{page}:3: write 'is not a': is no\n"
