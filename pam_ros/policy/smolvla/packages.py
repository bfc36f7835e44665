# SPDX-License-Identifier: Apache-2.0
"""Whether what lerobot's SmolVLA needs beside lerobot is installed, in a version that it takes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from pam_ros.policy.interface import PolicyError

INSTALL = "pip install 'pam_ros[smolvla]'"
NEEDED = ("transformers", "num2words", "accelerate")
# Where lerobot says which version, in the order of its versions: 0.4 and 0.6.
_EXTRAS = ("smolvla", "transformers-dep", "accelerate-dep")


def check_packages(name: str) -> None:
    """Refuse a checkpoint for which a package is missing or of a version that does not fit.

    Args:
        name: the checkpoint's.

    Raises:
        PolicyError: says which, and how to get them.
    """
    wanted = _wanted()
    missing = [package for package in NEEDED if _installed(package) is None]
    if missing:
        message = (
            f"{name} is a SmolVLA policy, which needs {' and '.join(missing)} beside lerobot: "
            f"{INSTALL}"
        )
        raise PolicyError(message)
    for package, requirement in wanted.items():
        found = _installed(package)
        if found is not None and not requirement.specifier.contains(found, prereleases=True):
            message = (
                f"{name}: lerobot {_installed('lerobot')} needs {package} {requirement.specifier} "
                f"for SmolVLA, and {found} is installed: {INSTALL}"
            )
            raise PolicyError(message)


def _wanted() -> dict[str, Requirement]:
    """By package, what the installed lerobot asks for in the extras that make its SmolVLA."""
    wanted: dict[str, Requirement] = {}
    for line in requires("lerobot") or ():
        requirement = Requirement(line)
        if requirement.name in NEEDED and any(
            requirement.marker is not None and requirement.marker.evaluate({"extra": extra})
            for extra in _EXTRAS
        ):
            wanted.setdefault(requirement.name, requirement)
    return wanted


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
