# SPDX-License-Identifier: Apache-2.0
"""A DDS domain for each bench, on this machine alone, in which nobody else is."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _LAST = 20, 100
"""The ports of higher ones may be given to any program (net.ipv4.ip_local_port_range)."""
_COUNT = _LAST - _FIRST + 1
_places = itertools.count(os.getpid() % _COUNT)


def take_domain() -> None:
    """Set the environment's; each call takes another one.

    Raises:
        RuntimeError: all are in use.
    """
    for place in itertools.islice(_places, _COUNT):
        domain = _FIRST + place % _COUNT
        if _is_free(domain):
            os.environ["ROS_DOMAIN_ID"] = str(domain)
            os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
            return
    raise RuntimeError(f"the DDS domains {_FIRST} to {_LAST} are all in use on this machine")


def _is_free(domain: int) -> bool:
    """Whether no participant has the port of the domain's first one (DDSI-RTPS 2.5, 9.6.1.3)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        try:
            port.bind(("", 7410 + 250 * domain))
        except OSError:
            return False
    return True
