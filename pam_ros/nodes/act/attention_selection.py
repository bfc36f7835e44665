# SPDX-License-Identifier: Apache-2.0
"""The attention_* parameters as a selection of the policy's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.selection import METHODS, Selection, make_selection
from pam_ros.nodes.kit.parameters import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.policy.interface import PolicySpec

__all__ = ["METHODS", "Selection", "select"]


def select(values: Mapping[str, Any], spec: PolicySpec) -> Selection:
    """The selection that the parameters name.

    Raises:
        ParameterError: a value that cannot be taken; the sentence says which ones can.
    """
    try:
        return make_selection(
            values["attention_method"],
            values["attention_layer"],
            values["attention_head"].strip(),
            values["attention_query"].strip(),
            spec,
        )
    except AttentionError as error:
        raise ParameterError(f"parameter {error}") from error
