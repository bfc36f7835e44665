# SPDX-License-Identifier: Apache-2.0
"""What bloom reads of the package, read by catkin_pkg as bloom does (docs/releasing.md)."""

import re
from pathlib import Path

import pytest
from catkin_pkg import changelog, package, package_version

ROOT = Path(__file__).parents[1]


def released(text):
    """Content by version, once catkin_prepare_release has given the coming section a version."""
    label = package_version.get_forthcoming_label(text)
    if label is not None:
        text = package_version.rename_section(text, label, "9.9.9 (2026-01-01)")
    log = changelog.Changelog("pam_ros")
    changelog.populate_changelog_from_rst(log, text)
    return {version: content for version, _, content in log.foreach_version()}


def test_the_manifest_is_valid_without_a_warning():
    warnings = []
    manifest = package.parse_package(ROOT / "package.xml", warnings=warnings)
    manifest.validate(warnings=warnings)
    assert not warnings
    assert [(ROOT / one.file).is_file() for one in manifest.licenses] == [True]


def test_the_first_section_of_the_changelog_is_of_the_next_or_of_this_version():
    """A coming section of another name would be left out, and the one below it taken."""
    text = (ROOT / "CHANGELOG.rst").read_text()
    version = package.parse_package(ROOT / "package.xml").version
    first = re.search(r"^(.+)\n-+\n", text, re.MULTILINE)[1]
    assert first == "Forthcoming" or first.startswith(f"{version} (")
    newest, content = next(iter(released(text).items()))
    assert newest in {"9.9.9", version}
    lists = [part for part in content if isinstance(part, changelog.BulletList)]
    assert lists
    assert all(list(one) for one in lists)


@pytest.mark.parametrize("heading", ["0.1.0 (unreleased)", "Version 2", "0.1 (2026-01-01)"])
def test_a_heading_that_catkin_pkg_does_not_know_is_noticed(heading):
    """Bloom leaves such a section out of the Debian package without a word."""
    assert not released(f"{heading}\n{'-' * len(heading)}\n* A change.\n")
