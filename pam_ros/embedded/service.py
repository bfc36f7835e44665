# SPDX-License-Identifier: Apache-2.0
"""rclpy.service: requests in, responses out, in rmw_cyclonedds's wire form.

A service is a reader of rq/NAMERequest and a writer of rr/NAMEReply. Each message is led by the
client's 64-bit id and a sequence number; the user data of both endpoints names the service.
"""

from __future__ import annotations

import inspect
import struct
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cdr import CdrError
from .dds import Reader, Writer
from .dds_qos import to_dds_qos, user_data_of
from .destroyable import Destroyable
from .interfaces import interfaces
from .messages import codec
from .publisher import dds_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from .callback_groups import CallbackGroup
    from .context import Context
    from .qos import QoSProfile

HEADER = struct.Struct("<Qq")
_RESPONSE_WAIT_SEC = 0.1


def identity(gid: bytes) -> str:
    """A unique name for the two endpoints of a service or client, in rmw_cyclonedds's form."""
    return ".".join(f"{byte:x}" for byte in gid)


def split_header(data: bytes) -> tuple[int, int]:
    """Client id and sequence number of a request or response.

    Raises:
        CdrError: the data is too short.

    """
    if len(data) < 20:
        raise CdrError("a service message without its header")
    order = "<" if data[1] else ">"
    client, sequence = struct.unpack_from(f"{order}Qq", data, 4)
    return client, sequence


def service_endpoints(
    context: Context, srv_type: Any, name: str, profile: QoSProfile, *, server: bool
) -> tuple[Reader, Writer]:
    """The two endpoints of a service or of a client."""
    type_name = srv_type.__service_name__
    request = (dds_topic(name, profile, "rq", "Request"), f"{type_name}_Request")
    response = (dds_topic(name, profile, "rr", "Reply"), f"{type_name}_Response")
    incoming, outgoing = (request, response) if server else (response, request)
    key = "serviceid" if server else "clientid"
    marker = f"{key}={identity(uuid.uuid4().bytes)};"
    endpoints: list[Any] = []
    for (topic, structure), kind in ((incoming, Reader), (outgoing, Writer)):
        user_data = f"{marker}typehash={interfaces.type_hash(structure)};"
        qos = to_dds_qos(profile, user_data, reader=kind is Reader)
        endpoints.append(kind(context.participant, topic, structure, qos, service=True))
    return endpoints[0], endpoints[1]


@dataclass(frozen=True)
class RequestId:
    """Who asked what: send_response() wants it back."""

    client: int
    sequence_number: int
    publication_handle: int


class Service(Destroyable):
    """Answers requests; make it by Node.create_service()."""

    def __init__(
        self,
        context: Context,
        srv_type: Any,
        srv_name: str,
        service_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        logger: Any,
    ) -> None:
        self.srv_type = srv_type
        self.srv_name = srv_name
        self._service_name = service_name
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self.qos_profile = qos_profile
        self._logger = logger
        self._reader, self._writer = service_endpoints(
            context, srv_type, service_name, qos_profile, server=True
        )
        self._request_codec = codec(srv_type.Request)
        self._response_codec = codec(srv_type.Response)
        self._reachable: set[int] = set()
        self._destroyed = False

    def send_response(self, response: Any, header: RequestId) -> None:
        """Answer a request."""
        if not isinstance(response, self.srv_type.Response) or not isinstance(header, RequestId):
            raise TypeError
        self._check()
        self._wait_for_client(header)
        prefix = HEADER.pack(header.client, header.sequence_number)
        self._writer.write(self._response_codec.encode(response, prefix))

    def _wait_for_client(self, header: RequestId) -> None:
        """Wait until the client's reader is matched: a response written before that is lost."""
        if header.client in self._reachable:
            return
        end = time.monotonic() + _RESPONSE_WAIT_SEC
        while time.monotonic() < end:
            request_writer = self._reader.entity.get_matched_publication_data(
                header.publication_handle
            )
            if request_writer is None:
                return
            wanted = user_data_of(request_writer.qos).get("clientid")
            if wanted is None:
                return
            for handle in self._writer.entity.get_matched_subscriptions():
                reader = self._writer.entity.get_matched_subscription_data(handle)
                if reader is not None and user_data_of(reader.qos).get("clientid") == wanted:
                    self._reachable.add(header.client)
                    return
            time.sleep(0.005)

    @property
    def service_name(self) -> str:
        """The service's full name, after remapping."""
        self._check()
        return self._service_name

    def configure_introspection(self, *_: Any) -> None:
        """Not in this runtime."""
        raise NotImplementedError("Service.configure_introspection")

    def destroy(self) -> None:
        """Answer no more; use Node.destroy_service() rather than this."""
        if not self._destroyed:
            self._destroyed = True
            self._reader.close()
            self._writer.close()

    def _references(self) -> tuple[int, ...]:
        return (self._reader.condition,)

    def _ready(self) -> bool:
        return not self._destroyed and self._reader.readable()

    def _take(self) -> Callable[[], Any] | None:
        taken = self._reader.take()
        if taken is None:
            return None
        data, info = taken
        try:
            header = RequestId(*split_header(data), info.publication_handle)
            request = self._request_codec.decode(data, HEADER.size)
        except CdrError as error:
            self._logger.warning(
                f"A request to '{self._service_name}' was dropped: {error}",
                throttle_duration_sec=5.0,
            )
            return None

        async def answer() -> None:
            response = self.callback(request, self.srv_type.Response())
            if inspect.isawaitable(response):
                response = await response
            self.send_response(response, header)

        return answer
