# SPDX-License-Identifier: Apache-2.0
"""Sphinx, for `make docs` and for rosdoc2 (rosdoc2.yaml names this folder)."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pam_ros"
author = "The pam_ros developers"
copyright = author  # noqa: A001  (Sphinx's name for it)
# rosdoc2 runs this from another folder, and sets the version itself.
_PACKAGE = Path(__file__).resolve().parents[1] / "package.xml"
if _PACKAGE.is_file():
    release = version = ET.parse(_PACKAGE).getroot().findtext("version", "")  # noqa: S314

extensions = ["myst_parser"]
myst_heading_anchors = 3
# Diagrams; where rosdoc2 runs without the package, they are shown as text.
if importlib.util.find_spec("sphinxcontrib.mermaid") is not None:
    extensions.append("sphinxcontrib.mermaid")
    myst_fence_as_directive = ["mermaid"]
else:
    suppress_warnings = ["misc.highlighting_failure"]
# What rosdoc2 puts beside these pages.
exclude_patterns = ["_build", "*.rst", "interfaces", "standard_docs"]
# rosdoc2 brings its own theme, not furo.
html_theme = "furo" if importlib.util.find_spec("furo") else "sphinx_rtd_theme"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
rosdoc2_settings = dict.fromkeys(
    (
        "enable_autodoc",
        "enable_intersphinx",
        "automatically_extend_intersphinx_mapping",
        "override_theme",
        "support_markdown",
    ),
    False,
)

_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def _prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Links out of this folder, as to the README, are downloads: the files are no pages."""
    folder = Path(app.srcdir, page).parent

    def download(link: re.Match[str]) -> str:
        words = link[1].replace("`", "")
        file = (folder / link[2]).resolve()
        if file.is_relative_to(Path(app.srcdir).resolve()):
            return link[0]  # another page
        if not file.is_file():
            return f"`{words}`"  # a folder; or all that rosdoc2 leaves out
        return f"{{download}}`{words} <{link[2]}>`"

    source[0] = _OUTSIDE.sub(download, source[0])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _prepare)
