# SPDX-License-Identifier: Apache-2.0
"""The packages openvino and nncf, imported when they are first needed and without their reports."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

from pam_ros.policy.interface import PolicyError


def import_openvino() -> Any:
    """The package openvino.

    Raises:
        PolicyError: it is missing.
    """
    return _import("openvino", "engine 'openvino'", "openvino")


def import_nncf() -> Any:
    """The package nncf, which makes the int8 form of a policy.

    Raises:
        PolicyError: it is missing.
    """
    return _import("nncf", "quantising a policy", "int8")


@functools.cache
def shared_core(openvino: Any) -> Any:
    """OpenVINO's entry, the same for all engines, which stays until the process ends.

    On CPUs with AMX each Core gives the thread that makes it an alternate signal stack, and takes
    it away when it ends. Of two that end in the order in which they were made the second puts back
    the first one's, gone by then: the next signal, Ctrl-C too, ends the process without a word.
    """
    return openvino.Core()


def _import(package: str, who: str, extra: str) -> Any:
    # Both report their use over the network through this package, without asking, and take its
    # absence for a no. None in sys.modules makes it absent.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module(package)
    except ImportError as error:
        message = (
            f"{who} needs the package {package}: install it with pip install 'pam_ros[{extra}]'"
        )
        raise PolicyError(message) from error
