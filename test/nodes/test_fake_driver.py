# SPDX-License-Identifier: Apache-2.0
"""The fake driver of docs/own_robot.md: its graph makes a contract that passes untouched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pam_ros.policy.interface import CameraSpec, FeatureStatistics, PolicySpec
from pam_ros.robot import load_contract

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0
sys.path.insert(0, str(ROOT / "examples"))


def spec():
    """What examples/random_act.py writes, without the weights."""
    import random_act

    known = FeatureStatistics(mean=random_act.MEAN, std=random_act.STD)
    return PolicySpec(
        name="random_act", sha256="0" * 64,
        cameras=tuple(
            CameraSpec(f"observation.images.{name}", random_act.HEIGHT, random_act.WIDTH)
            for name in random_act.CAMERAS
        ),
        state_feature="observation.state", state_dim=6,
        environment_feature=None, environment_dim=0, action_dim=6,
        chunk_size=100, n_action_steps=100, chunk_mode="queue", device="cpu", groups=(), stacks=(),
        statistics={"observation.state": known, "action": known},
    )  # fmt: skip


@pytest.fixture
def driver(domain):
    """The example as its own process, until the test ends."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "fake_driver.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    yield process
    process.terminate()
    process.wait(PATIENCE_S)


@pytest.mark.timeout(600)
def test_the_graph_of_a_driver_makes_a_contract_that_passes(driver, tmp_path, monkeypatch, capsys):
    from pam_ros.commands import contract
    from pam_ros.robot.errors import ContractError

    monkeypatch.setattr(contract, "_spec", lambda _: spec())
    out = tmp_path / "my_robot.yaml"
    words = ["init", "--policy", "random_act", "--live", "--out", str(out), "--force"]
    for _ in range(20):  # until the driver is there
        try:
            assert contract.main(words) == 0
        except Exception as error:
            if "no topic with pictures" not in str(error):
                raise
            continue
        if "0 lines to fill in" in capsys.readouterr().out:
            break
        assert driver.poll() is None
    made = load_contract(out)
    assert [each.topic for each in made.command.parts] == ["/arm/joint_trajectory"]
    assert [each.topic for each in made.cameras] == ["/front/image_raw", "/wrist/image_raw"]
    assert "fake_driver listens" in out.read_text()
    bound = made.bind(spec())
    assert bound.unit_doubts == ()
    from pam_ros.nodes.tools.contract_listener import check_graph

    _, problems = check_graph(bound, 5.0)
    # A busy machine may be slow, which is no fault of the contract.
    assert [each for each in problems if " Hz; the contract ticks at" not in each] == []
    with pytest.raises(ContractError, match="--force"):
        contract.main(words[:-1])
