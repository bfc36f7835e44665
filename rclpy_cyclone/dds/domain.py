# SPDX-License-Identifier: Apache-2.0
"""Cyclone DDS's domains: one per id and process, and in words why one cannot be opened."""

from __future__ import annotations

import re
import socket
import threading
from typing import Any

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from rclpy_cyclone.errors.middleware import RCLError


def _interfaces(config: str) -> list[str]:
    """The network interfaces that a configuration names."""
    return re.findall(r"<NetworkInterface\b[^>]*?\bname\s*=\s*[\"']([^\"']+)[\"']", config)


def _indices_taken(domain_id: int, config: str) -> bool:
    """Whether every participant index that a configuration allows has its port in use."""
    limits = re.findall(r"<MaxAutoParticipantIndex>\s*(\d+)", config)
    for index in range(int(limits[-1]) + 1 if limits else 0):
        port = 7400 + 250 * domain_id + 10 + 2 * index  # DDSI-RTPS 2.5, 9.6.1.3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return False
    return bool(limits)


def _why(domain_id: int, config: str, error: DDSException) -> str:
    """One sentence on a domain that could not be opened: Cyclone DDS says why on stderr only."""
    here = {name for _, name in socket.if_nameindex()}
    missing = [name for name in _interfaces(config) if name not in here]
    if missing:
        return f"the network interface {missing[0]!r} does not exist here: check CYCLONEDDS_URI"
    if _indices_taken(domain_id, config):
        return (
            f"no participant index is free in domain {domain_id}: as many processes of this host "
            "use it as the discovery configuration allows; end some, or set another ROS_DOMAIN_ID"
        )
    return f"the DDS domain {domain_id} could not be opened ({error}): check CYCLONEDDS_URI"


class Domains:
    """The open domains, shared by the contexts that use them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, list[Any]] = {}

    def acquire(self, domain_id: int, config: str) -> None:
        """Open a domain, or use an open one.

        Raises:
            RCLError: it cannot be opened.

        """
        with self._lock:
            if domain_id not in self._open:
                try:
                    self._open[domain_id] = [Domain(domain_id, config), 0]
                except DDSException as error:
                    raise RCLError(_why(domain_id, config, error)) from error
            self._open[domain_id][1] += 1

    def release(self, domain_id: int) -> None:
        """Use it no more; the last one closes it."""
        with self._lock:
            entry = self._open[domain_id]
            entry[1] -= 1
            if entry[1] == 0:
                entry[0]._delete(entry[0]._ref)
                del self._open[domain_id]


domains = Domains()
"""The domains of this process: Cyclone DDS has one of each id per process."""
