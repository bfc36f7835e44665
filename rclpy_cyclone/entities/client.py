# SPDX-License-Identifier: Apache-2.0
"""rclpy.client: requests out, responses in; service_base.py has the wire form."""

from __future__ import annotations

import itertools
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.qos import user_data_of
from rclpy_cyclone.executors.task import Future
from rclpy_cyclone.types.cdr import CdrError

from .service_base import HEADER, ServiceEntity, split_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.qos.profile import QoSProfile


class Client(ServiceEntity):
    """Calls a service; make it by Node.create_client()."""

    def __init__(
        self,
        context: Context,
        srv_type: Any,
        srv_name: str,
        service_name: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup,
        logger: Any,
    ) -> None:
        super().__init__(
            context, srv_type, srv_name, service_name, qos_profile, callback_group, logger,
            server=False,
        )  # fmt: skip
        self._executor: Any = None
        self._pending_requests: dict[int, Future] = {}
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Send a request and block for the response; another thread must spin the node.

        Returns:
            The response, or None after timeout_sec.

        """
        future = self.call_async(request)
        event = threading.Event()
        future.add_done_callback(lambda _: event.set())
        if not future.done() and not event.wait(timeout_sec):
            self.remove_pending_request(future)
        if future.exception() is not None:
            raise future.exception()  # type: ignore[misc]
        return future.result()

    def call_async(self, request: Any) -> Future:
        """Send a request; the future gets the response.

        Raises:
            TypeError: the request is of another type.

        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError
        self._check()
        future = Future()
        with self._lock:
            sequence = next(self._sequence)
            self._pending_requests[sequence] = future
        prefix = HEADER.pack(self._writer.handle, sequence)
        self._writer.write(self._request_codec.encode(request, prefix))
        future.add_done_callback(self.remove_pending_request)
        return future

    def get_pending_request(self, sequence_number: int) -> Future:
        """The future of a request that has no response yet."""
        with self._lock:
            return self._pending_requests[sequence_number]

    def remove_pending_request(self, future: Future) -> None:
        """Forget a request; its response will be dropped."""
        with self._lock:
            for sequence, pending in self._pending_requests.items():
                if pending is future:
                    del self._pending_requests[sequence]
                    break

    def service_is_ready(self) -> bool:
        """Whether a server hears requests and is heard.

        Both ends must be of one server: its reader and its writer are discovered one after the
        other. One without an id counts if both ends are there (rmw_node.cpp,
        check_for_service_reader_writer).
        """
        self._check()
        writer, reader = self._writer.entity, self._reader.entity
        readers = [
            writer.get_matched_subscription_data(h) for h in writer.get_matched_subscriptions()
        ]
        writers = [
            reader.get_matched_publication_data(h) for h in reader.get_matched_publications()
        ]
        hearing, speaking = (
            {user_data_of(e.qos).get("serviceid") for e in ends if e is not None}
            for ends in (readers, writers)
        )
        if hearing <= {None}:
            return bool(hearing and speaking)
        return bool((hearing & speaking) - {None})

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is there; False after timeout_sec or shutdown."""
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while self.context.ok():
            # Asked once a round: while it is discovered, an answer may not hold until the next.
            if self.service_is_ready():
                return True
            left = 0.05 if end is None else end - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(0.05, left))
        return False

    def _take(self) -> Callable[[], Any] | None:
        while taken := self._reader.take():
            try:
                client, sequence = split_header(taken[0])
                if client != self._writer.handle:
                    continue  # for another client of the service
                response = self._response_codec.decode(taken[0], HEADER.size)
                future = self.get_pending_request(sequence)
            except CdrError as error:
                self._warn_dropped("response", error)
            except KeyError:
                continue  # given up meanwhile
            else:
                return partial(self._answer, future, response)
        return None

    def _answer(self, future: Future, response: Any) -> None:
        future._set_executor(self._executor)
        future.set_result(response)
