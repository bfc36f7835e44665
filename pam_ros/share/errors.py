# SPDX-License-Identifier: Apache-2.0
"""What every exception of this package is, and who ends by it.

Every room raises classes of its own; who only wants to say what went wrong catches PamRosError.
"""

from __future__ import annotations


class PamRosError(Exception):
    """Something that a user can mend: sentences that name it and say what would be right.

    A command prints it and ends with status 1, a node likewise.
    """


class ReceivedError(PamRosError):
    """Something that came from outside cannot be used. Whoever received it goes on without."""


class NotFoundError(PamRosError, FileNotFoundError):
    """A file that belongs to the package, or was named by its short name, is not there."""
