# SPDX-License-Identifier: Apache-2.0
"""Pages that are templates with places."""

import pytest

from pam_ros.share.template import filled, palette, pieces


def test_places_are_filled_and_braces_of_a_script_are_text():
    template = "<b>{{one}}</b>{{two}} a{{b"
    assert filled(template, {"one": "1", "two": "{{one}}"}) == "<b>1</b>{{one}} a{{b"
    assert list(pieces(template)) == [("<b>", "one"), ("</b>", "two"), (" a{{b", "")]


def test_a_place_without_a_part_is_a_mistake():
    with pytest.raises(KeyError):
        filled("{{one}}", {})


def test_the_palette_is_dark_and_light():
    assert "color-scheme: dark" in palette()
    assert '[data-theme="light"]' in palette()
