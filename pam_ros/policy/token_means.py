# SPDX-License-Identifier: Apache-2.0
"""A file of mean tokens: what abilities.Contributing.compare_with takes, and whose they are."""

from __future__ import annotations

import logging
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.policy.abilities import Contributing
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy, PolicySpec


FILE = "token_means.npz"
"""In a checkpoint's folder: the means that its policy has from the start."""
# What NumPy and zipfile raise of damaged files and of other ones.
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile,
    zlib.error, NotImplementedError, RuntimeError,
)  # fmt: skip
logger = logging.getLogger(__name__)


def take_own_means(policy: Policy, folder: Path) -> None:
    """Have a policy compare its tokens with the means that lie beside its weights, if any do."""
    file = folder / FILE
    if not isinstance(policy, Contributing) or not file.is_file():
        return
    try:
        policy.compare_with(load_means(file, policy.spec))
    except PolicyError as error:
        logger.warning("%s is not used: %s", FILE, error)


def save_means(file: str | Path, means: NDArray[np.float32], spec: PolicySpec) -> None:
    """Write mean tokens (cells, dim) and the policy's name and SHA-256, as NumPy's .npz."""
    with Path(file).open("wb") as out:
        np.savez_compressed(
            out, means=means.astype(np.float16), sha256=np.array(spec.sha256), name=spec.name
        )


def load_means(file: str | Path, spec: PolicySpec) -> NDArray[np.float32]:
    """The mean tokens (cells, dim) of a policy.

    Raises:
        PolicyError: the file cannot be read, or is of another policy.
    """
    try:
        with np.load(file) as held:
            means, sha256, name = held["means"], str(held["sha256"]), str(held["name"])
    except _UNREADABLE as error:
        message = f"{file} holds no mean tokens: {' '.join(str(error).split())}"
        raise PolicyError(message) from error
    if sha256 != spec.sha256:
        message = (
            f"{file} holds mean tokens of another policy, {name}: make them anew for {spec.name}"
        )
        raise PolicyError(message)
    result: NDArray[np.float32] = means.astype(np.float32)
    return result
