# SPDX-License-Identifier: Apache-2.0
"""rclpy.service: requests in, responses out."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.qos import user_data_of
from rclpy_cyclone.types.cdr import CdrError

from .service_base import HEADER, ServiceEntity, split_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.qos.profile import QoSProfile

_RESPONSE_WAIT_SEC = 0.1


@dataclass(frozen=True)
class RequestId:
    """Who asked what: send_response() wants it back."""

    client: int
    sequence_number: int
    publication_handle: int


class Service(ServiceEntity):
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
        super().__init__(
            context, srv_type, srv_name, service_name, qos_profile, callback_group, logger,
            server=True,
        )  # fmt: skip
        self.callback = callback
        self._reachable: set[int] = set()

    def send_response(self, response: Any, header: RequestId) -> None:
        """Answer a request."""
        if not isinstance(response, self.srv_type.Response) or not isinstance(header, RequestId):
            raise TypeError
        self._check()
        self._wait_for_client(header)
        prefix = HEADER.pack(header.client, header.sequence_number)
        self._writer.write(self._response_codec.encode(response, prefix))

    def _wait_for_client(self, header: RequestId) -> None:
        """Wait until the client's reader is matched: a response written before that is lost.

        So does rmw_send_response() in rmw_cyclonedds_cpp's rmw_node.cpp.
        """
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

    def _take(self) -> Callable[[], Any] | None:
        taken = self._reader.take()
        if taken is None:
            return None
        data, info = taken
        try:
            header = RequestId(*split_header(data), info.publication_handle)
            request = self._request_codec.decode(data, HEADER.size)
        except CdrError as error:
            self._warn_dropped("request", error)
            return None

        async def answer() -> None:
            response = self.callback(request, self.srv_type.Response())
            if inspect.isawaitable(response):
                response = await response
            self.send_response(response, header)

        return answer
