# SPDX-License-Identifier: Apache-2.0
"""`contribution_targets`: a map of each further target, on a topic of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pam_ros.attention.contribution import parse_target
from pam_ros.attention.errors import AttentionError
from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.robot.topics import FURTHER_MAPS, target_word
from pam_ros.tick.attention_map import further_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rclpy.node import Node
    from rclpy.publisher import Publisher

    from pam_ros.attention.attribution import Target
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.tick.attention_map import AttentionMapMaker
    from pam_ros.tick.explained import ExplainedTick

PARAMETER = "contribution_targets"
MOST = 16
"""Targets; each has a backward pass and pictures of gradients of its own."""


def further_targets(
    values: Mapping[str, Any], spec: PolicySpec, joints: Sequence[str]
) -> dict[str, Target]:
    """The targets that the parameter names, by the last word of their topics.

    Raises:
        ParameterError: one of them is no target of this policy, or two have one topic.
    """
    found: dict[str, Target] = {}
    said: dict[str, str] = {}
    for text in values[PARAMETER]:
        if not text.strip():
            continue
        try:
            target = parse_target(text, joints, spec.chunk_size)
        except AttentionError as error:
            raise ParameterError(f"parameter '{PARAMETER}': {error}") from error
        word = target_word(target.label(joints))
        if word in found:
            raise ParameterError(
                f"parameter '{PARAMETER}': '{said[word]}' and '{text.strip()}' would both be on "
                f"{FURTHER_MAPS}/{word}: leave one of them out"
            )
        found[word], said[word] = target, text.strip()
    if len(found) > MOST:
        raise ParameterError(f"parameter '{PARAMETER}' has {len(found)} targets: at most {MOST}")
    return found


class FurtherMaps:
    """The topics. Of any thread.

    Args:
        node: that has them.
        maker: makes their messages, as the tick's own.
        words: which topics there are at first, by their last word.
    """

    def __init__(self, node: Node, maker: AttentionMapMaker, words: Iterable[str] = ()) -> None:
        self._node = node
        self._maker = maker
        self._lock = threading.Lock()
        self._publishers: dict[str, Publisher[Any]] = {}
        self.offer(words)

    def offer(self, words: Iterable[str]) -> None:
        """Have these topics and no others."""
        wanted = list(words)
        with self._lock:
            for word in [word for word in self._publishers if word not in wanted]:
                self._node.destroy_publisher(self._publishers.pop(word))
            for word in wanted:
                if word not in self._publishers:
                    topic = f"{FURTHER_MAPS}/{word}"
                    self._publishers[word] = self._node.create_publisher(AttentionMap, topic, 10)

    def publish(self, tick: ExplainedTick) -> None:
        """What the tick says of further targets: one message each, none if it has no map."""
        for one in () if tick.maps is None else tick.maps.also:
            message = further_message(self._maker, tick, one)
            with self._lock:
                publisher = self._publishers.get(target_word(one.target))
                if publisher is not None:  # else it was taken off the list meanwhile
                    publisher.publish(message)
