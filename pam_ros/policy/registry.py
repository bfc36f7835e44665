# SPDX-License-Identifier: Apache-2.0
"""Which loader a checkpoint's `type` has: some are built in, others are entry points.

A package of its own adds a policy class by one line of its pyproject.toml, and is found once it is
installed:

    [project.entry-points."pam_ros.policies"]
    my_policy = "my_package.policy:load"

The name is the `type` in the checkpoint's config.json, the value a Loader. Nothing of a plug-in is
imported before a checkpoint of its type is loaded, so one that is broken harms no other.
"""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol

from pam_ros.policy.checkpoint import check_weights_file
from pam_ros.policy.interface import Policy, PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.checkpoint import Checkpoint
    from pam_ros.policy.options import LoadOptions

GROUP = "pam_ros.policies"
BUILT_IN = (
    EntryPoint("act", "pam_ros.policy.act.load:load_act", GROUP),
    EntryPoint("diffusion", "pam_ros.policy.diffusion.load:load_diffusion", GROUP),
    EntryPoint("smolvla", "pam_ros.policy.smolvla.load:load_smolvla", GROUP),
)

logger = logging.getLogger(__name__)


class Loader(Protocol):
    """Makes a policy of a checkpoint of its type."""

    def __call__(self, checkpoint: Checkpoint, options: LoadOptions) -> Policy:
        """The policy, ready to step.

        Args:
            checkpoint: its folder and config.json; the weights are there, and not read yet.
            options: what the caller chose.

        Raises:
            PolicyError: the checkpoint or an option cannot be used; one sentence says why.
        """
        ...


def known_types() -> tuple[str, ...]:
    """The types that have a loader, in order."""
    names = {point.name for point in (*BUILT_IN, *entry_points(group=GROUP))}
    return tuple(sorted(names))


def load_registered(checkpoint: Checkpoint, options: LoadOptions) -> Policy:
    """The policy of a checkpoint, by the loader of its type.

    Raises:
        PolicyError: no loader, two of them, one that cannot be imported, that fails, or that
            returns something else than a Policy; and what the loader raises.
    """
    point = _registered(checkpoint)
    # After the type: a policy that cannot run here need not have its weights fetched first.
    check_weights_file(checkpoint)
    loader = _imported(checkpoint.name, point)
    if point in BUILT_IN:
        return loader(checkpoint, options)
    try:
        policy = loader(checkpoint, options)
    except PolicyError:
        raise
    except Exception as error:
        message = f"{checkpoint.name}: {_words(point)} fails: {_reason(error)}"
        raise PolicyError(message) from error
    if not isinstance(policy, Policy):
        message = (
            f"{checkpoint.name}: {_words(point)} returns a {type(policy).__name__}, which lacks "
            f"what a Policy has"
        )
        raise PolicyError(message)
    return policy


def _registered(checkpoint: Checkpoint) -> EntryPoint:
    found = _different(entry_points(group=GROUP, name=checkpoint.kind))
    built_in = [point for point in BUILT_IN if point.name == checkpoint.kind]
    if built_in:
        for point in found:
            logger.warning("%s is not used: type %r is built in", _words(point), checkpoint.kind)
        return built_in[0]
    if not found:
        message = (
            f"{checkpoint.name} is a policy of type {checkpoint.kind!r}: known are "
            f"{', '.join(known_types())}; others come with a package that registers them"
        )
        raise PolicyError(message)
    if len(found) > 1:
        message = (
            f"{checkpoint.name}: type {checkpoint.kind!r} is registered more than once, by "
            f"{' and by '.join(map(_words, found))}: uninstall all but one"
        )
        raise PolicyError(message)
    return found[0]


def _different(points: Sequence[EntryPoint]) -> list[EntryPoint]:
    """Each value once: a package may be on the path twice, as after an editable install."""
    return list({point.value: point for point in points}.values())


def _imported(name: str, point: EntryPoint) -> Loader:
    try:
        loader = point.load()
    except Exception as error:
        message = f"{name}: {_words(point)} cannot be imported: {_reason(error)}"
        raise PolicyError(message) from error
    if not callable(loader):
        message = (
            f"{name}: {_words(point)} is of type {type(loader).__name__}: it must be a function"
        )
        raise PolicyError(message)
    checked: Loader = loader
    return checked


def _words(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of package {point.dist.name}"
    return f"the loader {point.value}{package}"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
