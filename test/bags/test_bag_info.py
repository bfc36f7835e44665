# SPDX-License-Identifier: Apache-2.0
"""`pam_ros bag info` says what a recording holds."""

from pathlib import Path

from pam_ros import cli
from pam_ros.bags import BagReader

BAG = Path(__file__).parents[1] / "data" / "demo_before_groups"


def test_every_topic_has_its_type_and_count(capsys):
    assert cli.main(["bag", "info", str(BAG)]) == 0
    lines = capsys.readouterr().out.splitlines()
    with BagReader(BAG) as reader:
        total = sum(topic.count for topic in reader.topics.values())
        assert f"{total} messages" in lines[0]
        said = {line.split()[0]: line.split()[1:3] for line in lines[2:]}
        known = {name: [t.type, str(t.count)] for name, t in reader.topics.items()}
    assert said == known


def test_what_is_no_recording_is_named(capsys, tmp_path):
    assert cli.main(["bag", "info", str(tmp_path / "nothing")]) == 1
    assert "does not exist" in capsys.readouterr().err
