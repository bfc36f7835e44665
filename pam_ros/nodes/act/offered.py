# SPDX-License-Identifier: Apache-2.0
"""What the node can be asked to show, for those who choose: `can_show` on /diagnostics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import CONTRIBUTIONS
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.drawing import AUTO
from pam_ros.attention.maps import ENCODER_ATTENTION, ROLLOUT
from pam_ros.attention.selection import methods_of, stack_of
from pam_ros.policy.abilities import Contributing
from pam_ros.policy.words import reads_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.interface import Policy


def what_can_be_shown(policy: Policy, joints: Sequence[str]) -> str:
    """JSON: the methods, each with its stack, layers, heads and queries, and the targets' joints.

    A contribution has none of these; nor has `auto`, which chooses.
    """
    spec = policy.spec
    methods: dict[str, dict[str, Any]] = {}
    for method in methods_of(spec):
        stack = stack_of(method, spec)
        assert stack is not None  # methods_of names those that have one
        through = stack_of(ENCODER_ATTENTION, spec) if method == ROLLOUT else None
        methods[method] = {
            "stack": stack.name if through is None else f"{stack.name} through {through.name}",
            "layers": stack.layers,
            "heads": stack.heads,
            "queries": stack.queries,
        }
    if isinstance(policy, Contributing):
        for method in CONTRIBUTIONS:
            request = ContributionRequest(method=method, joints=tuple(joints))
            if not policy.why_no_contribution(request):
                methods[method] = {}
    methods[AUTO] = {}
    found = {
        "methods": methods,
        "joints": list(joints),
        "chunk": spec.chunk_size,
        "words": reads_words(policy),
    }
    return json.dumps(found, separators=(",", ":"))
