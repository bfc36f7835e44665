# SPDX-License-Identifier: Apache-2.0
"""The instruction: by parameter, topic and contract, and what a change of it drops."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import String

from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import language_words
from pam_ros.msg import AttentionMap, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.nodes.kit.parameters import ParameterError

TOP = "observation.images.top"
ATTENTION, INSTRUCTION = "/act_attention/attention", "/act_attention/instruction"
WORDS_IMAGE = "/act_attention/words/image"
OWN, OTHER = "pick up the red cube", "reach it"
WAIT_S = 60.0


@pytest.fixture
def folder(second_policy, tmp_path):
    def write(instruction=OWN):
        return second_policy(tmp_path / "second", {TOP: (64, 96)}, instruction=instruction)

    return write


@pytest.fixture
def start(attention_robot, folder):
    """Starts a policy that reads words; `say` publishes a text, `tick` gives a map."""

    def start(contract=None, instruction_of_policy=OWN, **parameters):
        given = {"policy": folder(instruction_of_policy), "attention_method": "joint_attention"}
        robot = attention_robot(contract, **{**given, **parameters})
        return wired(robot)

    return start


def wired(robot):
    robot.maps = robot.listen(AttentionMap, ATTENTION)
    robot.log = robot.hear_log()
    robot.commands = robot.listen(JointState, "/joint_commands")
    robot.listen(DiagnosticArray, "/diagnostics")
    texts = robot.peer.create_publisher(String, INSTRUCTION, 1)
    robot.spin()
    assert robot.wait(lambda: texts.get_subscription_count() > 0)

    def tick():
        ticks = robot.node.ticks
        number = ticks._loop.ticks
        robot.observe()
        assert robot.wait(lambda: any(one.tick == number for one in robot.maps))
        return next(one for one in robot.maps if one.tick == number)

    robot.tick = tick
    robot.say = lambda text: texts.publish(String(data=text))
    robot.set = lambda: robot.node.get_parameter("instruction").value
    return robot


def labels(message):
    return next(list(group.labels) for group in message.groups if group.kind == "language")


def said(robot, words):
    return [one for one in robot.log if words in one.msg]


def told(robot, key):
    reports = robot.received["/diagnostics"]
    values = {value.key: value.value for value in reports[-1].status[0].values} if reports else {}
    return values.get(key)


def test_a_policy_that_reads_words_is_refused_without_any(attention_robot, folder):
    words = "given none: set the parameter 'instruction' or the key 'instruction' of the contract"
    with pytest.raises(ParameterError, match=words):
        attention_robot(policy=folder(""), attention_method="joint_attention")


@pytest.mark.parametrize(
    ("stated", "parameter", "read", "source"),
    [
        ("", "", OWN, "policy"),
        ("reach the blue one", "", "reach the blue one", "contract"),
        ("reach the blue one", "take it", "take it", "parameter"),
    ],
)
def test_the_parameter_comes_before_the_contract_and_that_before_the_policys_own(
    start, stated, parameter, read, source
):
    more = f"instruction: {stated}\n" if stated else ""
    given = {"instruction": parameter} if parameter else {}
    robot = start({"more": more}, **given)
    message = robot.tick()
    assert (message.instruction, labels(message)) == (read, read.split())
    assert robot.wait(lambda: told(robot, "instruction") == read)
    assert told(robot, "instruction_from") == source
    robot.say(OTHER)
    assert robot.wait(lambda: robot.set() == OTHER)
    assert robot.tick().instruction == OTHER
    robot.node.set_parameters([Parameter("instruction", value="and again")])
    assert robot.tick().instruction == "and again"
    assert robot.wait(lambda: told(robot, "instruction_changes") == "2")
    assert told(robot, "instruction_from") == "parameter"


def test_an_empty_parameter_is_the_contracts_instruction_again(start):
    robot = start({"more": "instruction: reach the blue one\n"}, instruction=OTHER)
    assert robot.tick().instruction == OTHER
    robot.node.set_parameters([Parameter("instruction", value="")])
    assert robot.tick().instruction == "reach the blue one"


def test_a_change_drops_the_queue_and_is_said(start):
    robot = start(enabled=True)
    first, second = robot.tick(), robot.tick()
    assert (first.command_source_tick, second.command_source_tick) == (0, 0)
    robot.say(OTHER)
    assert robot.wait(lambda: robot.set() == OTHER)
    third = robot.tick()
    assert third.valid, third.invalid_reason
    assert (third.instruction, third.command_source_tick, third.chunk_executed) == (OTHER, 2, True)
    assert labels(third) == ["reach", "it"]
    assert [one.instruction for one in (first, second)] == [OWN, OWN]
    assert (third.episode, third.tick) == (0, 2)
    assert robot.wait(lambda: said(robot, f"instruction: '{OTHER}' instead of '{OWN}'"))
    # The same once more begins nothing anew.
    robot.say(OTHER)
    robot.node.set_parameters([Parameter("instruction", value=OTHER)])
    assert robot.tick().command_source_tick == 2
    assert len(said(robot, "instead of")) == 1


def test_tokens_are_as_many_as_the_words_make_them(start):
    robot = start()
    tokens = []
    topic = "/act_attention/tokens"
    robot.peer.create_subscription(TokenActivations, topic, tokens.append, TOKEN_QOS)
    assert robot.wait(robot.node.ticks.shown.tokens.wanted)
    robot.say(OTHER)
    assert robot.wait(lambda: robot.set() == OTHER)
    robot.tick()
    assert robot.wait(lambda: tokens)
    assert tokens[-1].valid, tokens[-1].invalid_reason
    assert list(tokens[-1].kind).count(4) == 2


def test_a_chunk_of_the_old_words_is_not_executed_however_late_it_comes(start):
    robot = start(enabled=True, execution="async", n_action_steps=6)
    go, begun = threading.Event(), []
    policy = robot.node.ticks.policy
    later = policy.explain_later

    def explain_later(observation):
        run = later(observation)

        def waits():
            begun.append(policy.instruction)
            output = run()
            assert go.wait(WAIT_S)
            return output

        return waits

    policy.explain_later = explain_later
    ticks = robot.node.ticks

    def observe():
        number = ticks._loop.ticks
        robot.observe()
        assert robot.wait(lambda: ticks._loop.ticks > number)

    observe()
    assert robot.wait(lambda: begun)
    robot.say(OTHER)
    assert robot.wait(lambda: robot.set() == OTHER)
    observe()
    assert robot.wait(lambda: ticks.words.now.text == OTHER)
    go.set()
    plan = ticks._execution.plan
    assert robot.wait(lambda: plan._arrived is not None)
    observe()
    assert robot.wait(lambda: {0, 1} <= {one.tick for one in robot.maps})
    by_tick = {one.tick: one for one in robot.maps}
    assert (by_tick[0].instruction, by_tick[0].chunk_executed) == (OWN, False)
    assert labels(by_tick[0]) == OWN.split()
    assert (by_tick[1].instruction, by_tick[1].chunk_executed) == (OTHER, True)
    assert plan.counts["adopted"] == 1


@pytest.mark.parametrize("text", ["", " \n", "x" * 100_000, "pick\x01up"])
def test_a_text_that_is_no_instruction_is_refused_with_one_sentence(start, text):
    robot = start()
    robot.say(text)
    assert robot.wait(lambda: said(robot, "~/instruction: the text is not taken: it "))
    assert robot.tick().instruction == OWN
    assert robot.set() == ""
    (warning,) = said(robot, "~/instruction: ")
    assert warning.level == 30 and len(warning.msg) < 200
    (result,) = robot.node.set_parameters([Parameter("instruction", value=text or " ")])
    assert not result.successful
    assert "parameter 'instruction' cannot be taken: it " in result.reason


def test_words_that_the_policy_refuses_are_said_and_taken_back(start):
    robot = start(enabled=True)
    robot.tick()
    robot.say("reach ?this")
    assert robot.wait(lambda: robot.set() == "reach ?this")
    second = robot.tick()
    assert (second.instruction, second.command_source_tick) == (OWN, 0)
    assert robot.wait(lambda: said(robot, "does not know the word ?this; it still reads"))
    assert robot.set() == OWN


def test_the_instruction_at_the_start_is_refused_with_its_source(attention_robot, folder):
    with pytest.raises(ParameterError, match=r"the parameter 'instruction' cannot be read: .*\?x"):
        attention_robot(policy=folder(), instruction="?x", attention_method="joint_attention")


def test_an_instruction_moves_no_robot_that_is_not_enabled(start):
    robot = start()
    robot.tick()
    robot.say(OTHER)
    assert robot.wait(lambda: robot.set() == OTHER)
    assert robot.tick().instruction == OTHER
    assert robot.node.ticks.commander.state.value == "disabled"
    assert robot.quiet(robot.commands) and not robot.commands
    assert not robot.node.get_parameter("enabled").value


def test_a_policy_that_reads_no_words_runs_whatever_it_is_told(attention_robot):
    robot = wired(attention_robot({"more": "instruction: go\n"}))
    robot.say(OTHER)
    robot.node.set_parameters([Parameter("instruction", value="again")])
    message = robot.tick()
    assert message.valid and message.instruction == ""
    assert robot.wait(lambda: robot.received["/diagnostics"])
    assert told(robot, "instruction") is None


def test_the_warning_of_such_a_policy_names_it_and_comes_once(attention_robot):
    robot = wired(attention_robot())
    for text in ("one", "two"):
        robot.say(text)
        robot.node.set_parameters([Parameter("instruction", value=text)])
    robot.tick()
    assert robot.wait(lambda: said(robot, "reads no words: "))
    robot.say("three")
    assert robot.tick().valid
    assert len(said(robot, "reads no words: ")) == 1


def test_the_words_are_a_strip_on_the_scale_of_the_pictures(start):
    robot = start(overlay_scale="uniform", overlay_scale_multiple=2.0)
    strips = robot.listen(Image, WORDS_IMAGE)
    compressed = robot.listen(CompressedImage, f"{WORDS_IMAGE}/compressed")
    assert robot.wait(lambda: robot.node.count_subscribers(WORDS_IMAGE) > 0)
    assert robot.wait(lambda: robot.node.count_subscribers(f"{WORDS_IMAGE}/compressed") > 0)
    message = robot.tick()
    assert robot.wait(lambda: strips and compressed)
    words = language_words(message.groups)
    assert [word.text for word in words] == OWN.split()
    tokens = sum(len(group.mass) for group in message.groups) + len(message.cameras[0].cells)
    expected = draw_words(words, 2.0 / tokens)
    (strip, *_) = strips
    found = np.frombuffer(bytes(strip.data), np.uint8).reshape(strip.height, strip.width, 3)
    assert strip.encoding == "rgb8"
    np.testing.assert_array_equal(found, expected)
    assert strip.header == message.cameras[0].header
    # It says that its words have some of the heat.
    assert (found.std(axis=2) > 10).any()


def test_a_policy_without_words_has_no_strip(attention_robot):
    robot = wired(attention_robot())
    assert WORDS_IMAGE not in {publisher.topic_name for publisher in robot.node.publishers}


def test_words_that_are_set_while_the_policy_loads_are_read(start, monkeypatch):
    from pam_ros.nodes.act import node as module

    class Slow(module.AttentionTicks):
        def __init__(self, node, *arguments):
            super().__init__(node, *arguments)
            (result,) = node.set_parameters([Parameter("instruction", value=OTHER)])
            assert result.successful

    monkeypatch.setattr(module, "AttentionTicks", Slow)
    robot = start(instruction=OWN)
    assert robot.tick().instruction == OTHER
    assert robot.set() == OTHER
