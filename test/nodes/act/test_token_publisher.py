# SPDX-License-Identifier: Apache-2.0
"""TokenActivations: rows, places and bits, made only for whoever listens."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from std_msgs.msg import Header

from pam_ros.attention.layout import CameraTokens
from pam_ros.msg import TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS, TokenPublisher
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy.act.spec import lay_out
from pam_ros.tick.loop import TickOutcome

LAYOUT = lay_out(
    [
        CameraTokens(f"observation.images.{name}", 0, 2, 3, 64, 96, 0.0, 0.0, 32.0, 32.0)
        for name in ("top", "wrist")
    ],
    joint_state=True,
    environment=False,
)
SPEC = SimpleNamespace(layout=LAYOUT, name="/models/act", sha256="c" * 64)


def outcome(tokens, tick=5, reason=""):
    output = None if tokens is None else SimpleNamespace(tokens=tokens, step=tick)
    return TickOutcome(
        episode=1,
        tick=tick,
        command_source_tick=tick,
        commanded=False,
        chunk_executed=False,
        inference_skipped=tokens is None,
        invalid_reason=reason,
        output=output,
    )


@pytest.fixture
def talk(domain):
    """A publisher's node, a listener on demand, and what it heard."""
    rclpy.init(args=[])
    node = rclpy.create_node("act_attention")
    heard = []

    def make(sampler="all", listen=True):
        publisher = TokenPublisher(node, SPEC, "encoder", sampler)
        if listen:
            node.create_subscription(
                TokenActivations, "/act_attention/tokens", heard.append, TOKEN_QOS
            )
            end = time.monotonic() + 60
            while not publisher.wanted():
                assert time.monotonic() < end
                rclpy.spin_once(node, timeout_sec=0.05)

        def send(result, header=None):
            before = len(heard)
            publisher.publish(result, header or Header(frame_id="top"))
            end = time.monotonic() + (60 if listen else 0.3)
            while len(heard) == before and time.monotonic() < end:
                rclpy.spin_once(node, timeout_sec=0.05)
            return heard[-1] if heard else None

        return publisher, send

    yield make
    node.destroy_node()
    rclpy.try_shutdown()


def test_all_tokens_travel_as_the_bits_of_their_half_floats(talk):
    _, send = talk()
    tokens = np.random.default_rng(0).standard_normal((14, 8)).astype(np.float32)
    header = Header(frame_id="optical")
    header.stamp.sec = 77
    message = send(outcome(tokens), header)
    rows = np.array(message.data, np.uint16).view(np.float16).reshape(14, 8)
    np.testing.assert_array_equal(rows, tokens.astype(np.float16))
    assert message.valid
    assert message.header == header
    assert (message.episode, message.tick, message.policy_name) == (1, 5, "act")
    assert (message.policy_sha256, message.layer, message.sampler) == ("c" * 64, "encoder", "all")
    assert list(message.kind) == [1, 2, *[0] * 12]
    assert list(message.camera) == [-1, -1, *[0] * 6, *[1] * 6]
    assert list(message.row) == [-1, -1, *[0, 0, 0, 1, 1, 1] * 2]
    assert list(message.col) == [-1, -1, *[0, 1, 2] * 4]
    assert list(message.token) == list(range(14))
    assert message.camera_names == ["observation.images.top", "observation.images.wrist"]
    assert (message.block_rows, message.block_cols) == (1, 1)


def test_a_sampler_chooses_rows_and_names_itself(talk):
    _, send = talk(" stride( 2 ) ")
    tokens = np.arange(14 * 4, dtype=np.float32).reshape(14, 4)
    message = send(outcome(tokens))
    assert message.sampler == "stride(2)"
    assert list(message.token) == [0, 1, 2, 4, 8, 10]
    rows = np.array(message.data, np.uint16).view(np.float16).reshape(-1, 4)
    np.testing.assert_array_equal(rows, tokens[[0, 1, 2, 4, 8, 10]])


def test_without_a_listener_nothing_is_made(talk):
    publisher, send = talk(listen=False)
    # Tokens that could not even be sampled.
    assert send(outcome(np.zeros((3, 2), np.float32))) is None
    assert publisher.published == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_a_value_that_no_half_float_holds_makes_the_tick_invalid(talk, value):
    _, send = talk()
    tokens = np.zeros((14, 4), np.float32)
    tokens[9, 2] = value
    message = send(outcome(tokens))
    assert not message.valid
    assert "layer encoder is not finite" in message.invalid_reason
    assert len(message.data) == 0


def test_a_tick_without_a_forward_pass_says_so_and_is_not_missing(talk):
    _, send = talk()
    message = send(outcome(None, tick=9, reason="inference skipped: too slow"))
    assert (message.tick, message.valid) == (9, False)
    assert message.invalid_reason == "inference skipped: too slow"


def test_an_unknown_sampler_is_named_with_its_parameter(talk):
    with pytest.raises(ParameterError, match=r"'tokens_sampler': sampler 'every' is none of all"):
        talk("every")
