# SPDX-License-Identifier: Apache-2.0
import pytest

from pam_ros.share.folders import find_contract, share_directory


def test_the_share_folder_holds_messages_config_and_launch():
    folder = share_directory()
    assert (folder / "msg" / "AttentionMap.msg").is_file()
    assert (folder / "config" / "act_attention.yaml").is_file()
    assert (folder / "launch" / "act_attention.launch.py").is_file()
    assert (folder / "models" / "demo_act" / "config.json").is_file()


def test_a_contract_is_found_by_name_and_by_path(tmp_path):
    assert find_contract("demo_arm").name == "demo_arm.yaml"
    file = tmp_path / "mine.yaml"
    file.write_text("robot: mine\n")
    assert find_contract(str(file)) == file


def test_an_unknown_contract_lists_the_shipped_ones():
    with pytest.raises(FileNotFoundError, match="demo_arm, so101_degrees, so101_normalized"):
        find_contract("nothing")


def test_a_robot_of_which_there_are_variants_names_them():
    with pytest.raises(FileNotFoundError, match="as so101_degrees and so101_normalized: take the"):
        find_contract("so101")
