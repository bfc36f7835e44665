# SPDX-License-Identifier: Apache-2.0
"""The exceptions of robot/: a wrong contract at start-up, a bad message while running."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError, ReceivedError


class ContractError(PamRosError):
    """A contract file is wrong, or does not fit the policy. Lists every problem it has."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class MessageError(ReceivedError):
    """A message cannot be used: one sentence that names the thing and what would be right."""
