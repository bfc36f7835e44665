# SPDX-License-Identifier: Apache-2.0
"""DDS domains of this machine, each for one at a time: demos, test suites and the like."""

from __future__ import annotations

import itertools
import os
import socket

from pam_ros.sim.errors import SimError

FIRST, LAST = 10, 99
"""The ports of those above 101 may be given to any program (net.ipv4.ip_local_port_range)."""
_PORTS, _FIRST_PORT = 250, 7400
"""Of a domain (DDSI-RTPS 2.5, 9.6.1.3)."""
_OF_PARTICIPANTS, _OF_NONE = range(10, 50, 2), 248
"""Of these, by their place: of the first twenty participants, each of which takes the first that is
free (the first may have left since), and one that none of a hundred has."""
_places = itertools.count(os.getpid())


class TakenDomain:
    """A domain that nobody was in when it was taken, and that no other call takes until `close`.

    Each call begins behind the last one's: what was in that may not have left yet.

    Raises:
        SimError: all are taken.
    """

    def __init__(self) -> None:
        count = LAST - FIRST + 1
        for place in itertools.islice(_places, count):
            self.number = FIRST + place % count
            # Bound for as long as this process lives: who else wants the domain finds that.
            self._mark = _bound(self.number, _OF_NONE)
            if self._mark is None:
                continue
            if all(_is_free(self.number, port) for port in _OF_PARTICIPANTS):
                return
            self._mark.close()
        raise SimError(f"the DDS domains {FIRST} to {LAST} are all in use here: name one")

    def close(self) -> None:
        """Others may take it."""
        if self._mark is not None:
            self._mark.close()


def _is_free(domain: int, place: int) -> bool:
    port = _bound(domain, place)
    if port is None:
        return False
    port.close()
    return True


def _bound(domain: int, place: int) -> socket.socket | None:
    """A port of the domain; None if somebody has it."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        port.bind(("127.0.0.1", _FIRST_PORT + _PORTS * domain + place))
    except OSError:
        port.close()
        return None
    return port
