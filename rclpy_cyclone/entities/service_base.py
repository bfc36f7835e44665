# SPDX-License-Identifier: Apache-2.0
"""What services and clients share: rmw_cyclonedds's wire form.

A service is a reader of rq/NAMERequest and a writer of rr/NAMEReply, a client the reverse. Each
message is led by the client's 64-bit id and a sequence number; the user data of both endpoints
names the service or the client. The pattern is rmw_cyclonedds_cpp: cdds_request_header_t in
serdata.hpp, and in rmw_node.cpp rmw_init_cs(), rmw_send_request(), rmw_take_response_request().
"""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.endpoints import Reader, Writer
from rclpy_cyclone.dds.qos import dds_topic, to_dds_qos
from rclpy_cyclone.types.cdr import CdrError
from rclpy_cyclone.types.interfaces import interfaces
from rclpy_cyclone.types.messages import codec

from .destroyable import Destroyable

if TYPE_CHECKING:
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.qos.profile import QoSProfile

HEADER = struct.Struct("<Qq")
"""What leads the fields: the instance handle of the client's request writer, which the service
sends back as it came, and a count of requests, from 1."""


def split_header(data: bytes) -> tuple[int, int]:
    """Client id and sequence number of a request or response.

    Raises:
        CdrError: the data is too short.

    """
    if len(data) < 20:
        raise CdrError("a service message without its header")
    # The encapsulation header: 00 01 is little-endian CDR, 00 00 big-endian (DDSI-RTPS 2.5, 10.2).
    order = "<" if data[1] else ">"
    client, sequence = struct.unpack_from(f"{order}Qq", data, 4)
    return client, sequence


def _endpoints(
    context: Context, srv_type: Any, name: str, profile: QoSProfile, *, server: bool
) -> tuple[Reader, Writer]:
    """The reader and the writer of a service or client, which user data marks as a pair.

    The mark is "serviceid=" or "clientid=" and 16 random bytes in hexadecimal, with dots between
    (rmw_node.cpp, csid_to_string).
    """
    type_name = srv_type.__service_name__
    request = (dds_topic(name, profile, "rq", "Request"), f"{type_name}_Request")
    response = (dds_topic(name, profile, "rr", "Reply"), f"{type_name}_Response")
    incoming, outgoing = (request, response) if server else (response, request)
    identity = ".".join(f"{byte:x}" for byte in uuid.uuid4().bytes)
    marker = f"{'serviceid' if server else 'clientid'}={identity};"
    ends: list[Any] = []
    for (topic, structure), kind in ((incoming, Reader), (outgoing, Writer)):
        user_data = f"{marker}typehash={interfaces.type_hash(structure)};"
        qos = to_dds_qos(profile, user_data, reader=kind is Reader)
        ends.append(kind(context.participant, topic, structure, qos, service=True))
    return ends[0], ends[1]


class ServiceEntity(Destroyable):
    """A service or a client."""

    def __init__(
        self,
        context: Context,
        srv_type: Any,
        srv_name: str,
        service_name: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup,
        logger: Any,
        *,
        server: bool,
    ) -> None:
        self.context = context
        self.srv_type = srv_type
        self.srv_name = srv_name
        self._service_name = service_name
        self.qos_profile = qos_profile
        self.callback_group = callback_group
        self._executor_event = False
        self._logger = logger
        self._reader, self._writer = _endpoints(
            context, srv_type, service_name, qos_profile, server=server
        )
        self._request_codec = codec(srv_type.Request)
        self._response_codec = codec(srv_type.Response)
        self._destroyed = False

    @property
    def _ends(self) -> tuple[Reader | Writer, ...]:
        """The DDS endpoints, for the graph."""
        return self._reader, self._writer

    @property
    def service_name(self) -> str:
        """The service's full name, after remapping."""
        self._check()
        return self._service_name

    def configure_introspection(
        self, clock: Any, service_event_qos_profile: Any, introspection_state: Any
    ) -> None:
        """Not in this runtime."""
        raise NotImplementedError(f"{type(self).__name__}.configure_introspection")

    def destroy(self) -> None:
        """Leave the service; use the node's destroy method rather than this."""
        if not self._destroyed:
            self._destroyed = True
            self._reader.close()
            self._writer.close()

    def _warn_dropped(self, what: str, error: CdrError) -> None:
        self._logger.warning(
            f"A {what} of '{self._service_name}' was dropped: {error}", throttle_duration_sec=5.0
        )

    def _references(self) -> tuple[int, ...]:
        return (self._reader.condition,)

    def _ready(self) -> bool:
        return not self._destroyed and self._reader.readable()
