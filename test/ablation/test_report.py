# SPDX-License-Identifier: Apache-2.0
"""The report's file, table and page."""

import json
from html.parser import HTMLParser

import pytest
from made_report import endings, made

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.page import page
from pam_ros.ablation.pictures import Picture
from pam_ros.ablation.report import from_json
from pam_ros.ablation.table import text

DROVE = {"left:other": 0.5, "state:mean": 0.05}


def report():
    return made(
        DROVE,
        drove=endings(intact=6, left_other=2),
        why_not={"right:other": "there is only one frame"},
    )


def test_a_report_comes_back_from_its_file():
    written = report().to_json()
    back = from_json(written, "file")
    assert back.to_json() == written
    assert text(back) == text(report())


def test_what_is_no_number_is_null_in_the_file():
    rows = json.loads(report().to_json())["rows"]
    assert rows[1]["why_not"] == "there is only one frame"
    assert rows[1]["chunk"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"schema": 1}', "no json"])
def test_what_is_no_report_is_told(damage):
    with pytest.raises(AblationError, match="file is no ablation report"):
        from_json(damage, "file")


def test_a_row_of_other_fields_is_told():
    content = json.loads(report().to_json())
    content["rows"][0]["more"] = 1
    with pytest.raises(AblationError, match="file is no ablation report: 'more'"):
        from_json(json.dumps(content), "file")


def test_a_report_of_another_version_is_told():
    content = json.loads(report().to_json()) | {"schema": 9}
    with pytest.raises(AblationError, match="file has schema 9: this version reads 1"):
        from_json(json.dumps(content), "file")


def test_the_table_has_every_row_its_unit_and_what_was_not_made():
    shown = text(report())
    assert "| pan [rad] | lift [m] |" in shown
    assert "| left " in shown
    assert "2/6 [10%, 70%]" in shown
    assert "6/6 [61%, 100%]" in shown
    assert "| 67% [" in shown
    assert "Not made: right, another frame's: there is only one frame." in shown
    assert "Note: made up." in shown


class Strict(HTMLParser):
    """Collects tags, and says when one is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "rect", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_whole_and_loads_nothing():
    shown = page(report(), [Picture("left", "as it was", b"jpeg")])
    parser = Strict()
    parser.feed(shown)
    assert parser.open == []
    sources = [attrs["src"] for tag, attrs in parser.tags if tag == "img"]
    assert sources == ["data:image/jpeg;base64,anBlZw=="]
    assert not any("href" in attrs for _, attrs in parser.tags)
    assert "{{" not in shown
    assert "Does the policy use the left camera?" in parser.texts


def test_names_cannot_leave_their_place_in_the_page():
    evil = '<script>alert("1")</script>&'
    bad = made(DROVE, name=evil, why_not={"right:other": evil})
    shown = page(bad, [Picture(evil, evil, b"")])
    parser = Strict()
    parser.feed(shown)
    assert parser.open == []
    assert sum(tag == "script" for tag, _ in parser.tags) == 1
    assert f"What {evil} uses" in parser.texts
    assert f"not made: {evil}" in parser.texts
