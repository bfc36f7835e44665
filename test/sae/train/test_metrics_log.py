# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from pam_ros.sae.errors import SaeError
from pam_ros.sae.train.metrics_log import MetricsLog


def test_numbers_go_to_the_log(caplog):
    with caplog.at_level(logging.INFO):
        MetricsLog().write(10, 2560, {"loss": 0.25, "l0": 16.0})
    assert "step 10, 2560 tokens: loss 0.25, l0 16" in caplog.text


def test_wandb_gets_them_where_asked_for(monkeypatch):
    told = []
    run = SimpleNamespace(
        log=lambda values, step: told.append((step, values)), finish=lambda: told.append("end")
    )
    fake = SimpleNamespace(init=lambda project, config: told.append((project, config)) or run)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    log = MetricsLog(wandb_project="arm", config={"k": 16})
    log.write(10, 2560, {"loss": 0.25})
    log.close()
    assert told == [("arm", {"k": 16}), (10, {"loss": 0.25, "tokens": 2560}), "end"]


def test_tensorboard_gets_them_where_asked_for(monkeypatch, tmp_path):
    told = []

    class Writer:
        def __init__(self, folder):
            told.append(folder)

        def add_scalar(self, *values):
            told.append(values)

        def close(self):
            told.append("end")

    module = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    log = MetricsLog(tensorboard=tmp_path)
    log.write(10, 2560, {"loss": 0.25})
    log.close()
    assert told == [str(tmp_path), ("loss", 0.25, 2560), "end"]


@pytest.mark.parametrize(
    ("module", "arguments", "package"),
    [
        ("wandb", {"wandb_project": "arm"}, "wandb"),
        ("torch.utils.tensorboard", {"tensorboard": "."}, "tensorboard"),
    ],
)
def test_a_package_that_is_missing_is_named(monkeypatch, module, arguments, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SaeError, match=f"{package} is not installed: pip install {package}"):
        MetricsLog(**arguments)
