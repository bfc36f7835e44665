# SPDX-License-Identifier: Apache-2.0
"""A robot whose units look wrong is shown, and not enabled until the contract confirms them."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap

REFUSAL = "not enabled, since the units look wrong: observation.state and action of 'pan', 'lift'"


@pytest.fixture
def in_degrees(attention_robot, contract, tmp_path):
    """Starts the node with a contract in degrees; its policy's data are within 3 of 0: radians."""

    def start(confirmed=False, **parameters):
        text = contract().read_text().replace("unit: rad", "unit: deg")
        file = tmp_path / "degrees.yaml"
        file.write_text(f"{text}\nunits_confirmed: {str(confirmed).lower()}\n")
        robot = attention_robot(contract=file, **parameters)
        robot.maps = robot.listen(AttentionMap, "/act_attention/attention")
        robot.commands = robot.listen(JointState, "/joint_commands")
        robot.log = robot.hear_log()
        robot.diagnostics = robot.listen(DiagnosticArray, "/diagnostics")
        robot.spin()
        return robot

    return start


def see_a_map(robot):
    """One observation, and what is shown of it."""
    before = len(robot.maps)
    robot.observe()
    assert robot.wait(lambda: len(robot.maps) > before), "no map came back"


def shown(robot, key):
    """The newest value on /diagnostics."""
    values = [
        pair.value
        for message in robot.diagnostics
        for status in message.status
        for pair in status.values
        if pair.key == key
    ]
    return values[-1] if values else None


def set_enabled(robot):
    """Ask by the parameter."""
    value = ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)
    request = SetParameters.Request(parameters=[Parameter(name="enabled", value=value)])
    (result,) = robot.call(SetParameters, "/act_attention/set_parameters", request).results
    return result


def test_the_service_and_the_parameter_refuse_with_the_reason_and_maps_go_on(in_degrees):
    robot = in_degrees()
    see_a_map(robot)
    answer = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True))
    assert not answer.success
    assert answer.message.startswith(REFUSAL)
    assert "the contract says deg, the training data are likely rad" in answer.message
    assert "units_confirmed: true" in answer.message
    result = set_enabled(robot)
    assert not result.successful
    assert result.reason == answer.message
    see_a_map(robot)
    assert not robot.node.get_parameter("enabled").value
    assert robot.node.ticks.commander.state.value == "disabled"
    assert robot.commands == []
    refused = "contradicted by the policy's data: not enabled"
    assert robot.wait(lambda: shown(robot, "units") == refused)


def test_a_start_that_is_to_be_enabled_is_not(in_degrees):
    robot = in_degrees(enabled=True)
    see_a_map(robot)
    assert robot.wait(lambda: not robot.node.get_parameter("enabled").value)
    see_a_map(robot)
    assert not robot.node.ticks.commander.commanding
    assert robot.commands == []
    assert robot.wait(lambda: any(entry.msg.startswith(REFUSAL) for entry in robot.log))


def test_units_that_the_contract_confirms_move_the_robot(in_degrees):
    robot = in_degrees(confirmed=True)
    see_a_map(robot)
    assert robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True)).success
    see_a_map(robot)
    assert robot.wait(lambda: len(robot.commands) > 0)
    confirmed = "contradicted by the policy's data, confirmed in the contract"
    assert robot.wait(lambda: shown(robot, "units") == confirmed)
