# SPDX-License-Identifier: Apache-2.0
"""Which machines and processes a participant looks for: ROS 2's variables as Cyclone DDS XML.

ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and ROS_LOCALHOST_ONLY mean what they mean in
ROS 2 Jazzy, except that the default range is LOCALHOST, which here keeps to the loopback interface.
The pattern is check_create_domain() in rmw_cyclonedds_cpp's rmw_node.cpp; rmw's discovery_options.h
says what each range means.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

RANGES = ("LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT")
MAX_PARTICIPANT_INDEX = 60
"""Participants (one per process) that find each other on one host. rmw_cyclonedds_cpp says 32."""
MAX_DOMAIN_ID = 232
"""The first port of a domain is 7400 + 250 * id (DDSI-RTPS 2.5, 9.6.1.3); 65535 is the last."""
RECEIVE_BUFFER = "16MB"
"""What is asked for of the kernel, which gives net.core.rmem_max at most. Two pictures of 480x640,
sent at once, are 1.8 MB: of Cyclone's own 1 MiB they overflow where the receiver has to wait for a
processor, and a picture that is sent best-effort is then lost."""


@dataclass(frozen=True)
class Discovery:
    """Where to look for others.

    warning is a sentence about a variable that was not understood or is overruled, or empty.
    """

    range: str
    static_peers: tuple[str, ...] = ()
    warning: str = ""

    @classmethod
    def from_environment(cls) -> Discovery:
        """What the environment asks for."""
        peers = tuple(p for p in os.environ.get("ROS_STATIC_PEERS", "").split(";") if p)
        name = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
        if os.environ.get("ROS_LOCALHOST_ONLY") == "1":
            return cls(
                "LOCALHOST",
                warning="ROS_LOCALHOST_ONLY is deprecated but still honored if it is enabled. "
                "Use ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_STATIC_PEERS instead.",
            )
        if name and name not in RANGES:
            return cls(
                "LOCALHOST",
                peers,
                f"ROS_AUTOMATIC_DISCOVERY_RANGE is {name!r}, which is not one of "
                f"{', '.join(RANGES)}; LOCALHOST is assumed.",
            )
        return cls(name or "LOCALHOST", peers)

    def describe(self) -> str:
        """The range and the peers in one phrase."""
        text = f"discovery range {self.range}"
        chosen = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")
        if self.range == "LOCALHOST" and not any(os.environ.get(name) for name in chosen):
            text += (
                " (ROS 2's own default is SUBNET: to see each other, set "
                "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST there, or SUBNET here)"
            )
        if self.static_peers and self.range in ("LOCALHOST", "SUBNET"):
            text += f", static peers {', '.join(self.static_peers)}"
        return text

    def config(self) -> str:
        """Configuration for Cyclone DDS; the user's CYCLONEDDS_URI comes after it and wins."""
        general, discovery = "", ""
        peers = list(self.static_peers)
        if self.range == "LOCALHOST":
            # A peer elsewhere is out of reach through the loopback interface alone.
            if not peers:
                general = '<Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
            general += "<AllowMulticast>false</AllowMulticast>"
            peers.insert(0, "127.0.0.1")
        elif self.range == "OFF":
            # Participants hear only those of the same tag, and no other process has this one.
            general = "<AllowMulticast>false</AllowMulticast>"
            discovery = (
                "<ParticipantIndex>none</ParticipantIndex>"
                f"<Tag>ros_discovery_off_{os.getpid()}</Tag>"
            )
        if self.range in ("LOCALHOST", "SUBNET"):
            discovery = (
                "<ParticipantIndex>auto</ParticipantIndex>"
                f"<MaxAutoParticipantIndex>{MAX_PARTICIPANT_INDEX}</MaxAutoParticipantIndex>"
            )
            if peers:
                entries = "".join(f"<Peer address={quoteattr(peer)}/>" for peer in peers)
                discovery += f"<Peers>{entries}</Peers>"
        config = (
            f"<CycloneDDS><Domain><General>{general}</General>"
            f"<Discovery>{discovery}</Discovery>"
            f'<Internal><SocketReceiveBufferSize max="{RECEIVE_BUFFER}"/></Internal>'
            "</Domain></CycloneDDS>"
        )
        uri = os.environ.get("CYCLONEDDS_URI", "")
        return f"{config},{uri}" if uri else config


def domain_id_from_environment() -> int:
    """ROS_DOMAIN_ID, 0 where it is not set.

    Raises:
        ValueError: it is not a number.

    """
    text = os.environ.get("ROS_DOMAIN_ID", "")
    if not text:
        return 0
    if not text.isdigit():
        raise ValueError(
            f"ROS_DOMAIN_ID is not an integral number: it is {text!r}, and 0 to {MAX_DOMAIN_ID} "
            "are valid"
        )
    return int(text)
