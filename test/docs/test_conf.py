# SPDX-License-Identifier: Apache-2.0
"""docs/conf.py with what `make docs` installs, and with what rosdoc2 has."""

import importlib.util
import runpy
from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "docs" / "conf.py"


@pytest.mark.parametrize(("missing", "theme"), [((), "furo"), (("furo",), "sphinx_rtd_theme")])
def test_the_theme_is_one_that_is_installed(monkeypatch, missing, theme):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else object()
    )
    assert runpy.run_path(str(CONF))["html_theme"] == theme
