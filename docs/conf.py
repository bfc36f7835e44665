# SPDX-License-Identifier: Apache-2.0
"""Sphinx, for `make docs` and for rosdoc2 (rosdoc2.yaml names this folder)."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from fnmatch import filter as matching
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

_TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
_PAGE = re.compile(r"[a-z*][a-z0-9_*]*")
_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def _prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Links out of this folder, as to the README, are downloads: the files are no pages."""

    def download(link: re.Match[str]) -> str:
        words = link[1].replace("`", "")
        if not Path(app.srcdir, link[2]).is_file():
            return f"`{words}`"  # a folder; or all that rosdoc2 leaves out
        return f"{{download}}`{words} <{link[2]}>`"

    source[0] = _OUTSIDE.sub(download, source[0])
    if page == "index":
        source[0] = _filled(source[0], sorted(app.env.found_docs - {"index"}))


def _filled(text: str, rest: list[str]) -> str:
    """In tables of contents patterns become the pages there are; the last takes all others.

    So a new page needs no edit in index.md, and a page may be named before it is written.
    """
    tables = list(_TOCTREE.finditer(text))

    def fill(table: re.Match[str]) -> str:
        options, pages = [], []
        for line in table[1].splitlines():
            if _PAGE.fullmatch(line):
                pages += [name for name in matching(rest, line) if name not in pages]
            else:
                options.append(line)
        if table.start() == tables[-1].start():
            pages += [name for name in rest if name not in pages]
        rest[:] = [name for name in rest if name not in pages]
        return "\n".join(["```{toctree}", *options, *pages, "```"]) if pages else ""

    return _TOCTREE.sub(fill, text)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _prepare)
