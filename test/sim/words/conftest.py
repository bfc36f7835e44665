# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from importlib.util import find_spec

import pytest

from pam_ros.sim.words.draws import Draws
from pam_ros.sim.words.stats import Stats

if find_spec("transformers") is None or find_spec("num2words") is None:
    # Of lerobot[smolvla]; what is drawn and counted needs neither.
    collect_ignore = ["test_words_model.py", "test_words_texts.py", "test_words_training.py"]


@pytest.fixture(scope="session")
def vlm(tmp_path_factory):
    """The folder of the small language model."""
    from pam_ros.sim.words.vlm_folder import write_vlm_folder

    folder = tmp_path_factory.mktemp("language_model") / "vlm"
    write_vlm_folder(folder)
    return folder


@pytest.fixture(scope="session")
def batch():
    """Three observations."""
    draws = Draws()
    yield draws.batch(3, 0)
    draws.close()


@pytest.fixture(scope="session")
def stats():
    """Of twelve observations."""
    draws = Draws()
    yield Stats.of(draws, 12)
    draws.close()
