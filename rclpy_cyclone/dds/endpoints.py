# SPDX-License-Identifier: Apache-2.0
# No postponed annotations here: cyclonedds reads those of its structures.
"""Cyclone DDS as this runtime uses it: participants, and endpoints that carry serialised bytes."""

import ctypes
import threading
from importlib.metadata import version
from typing import Any

from cyclonedds._clayer import ddspy_take, ddspy_write
from cyclonedds.core import (
    DDSException,
    GuardCondition,
    InstanceState,
    ReadCondition,
    SampleState,
    ViewState,
    WaitSet,
)
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl import types as idl_types
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.types.interfaces import FieldType, interfaces

from .discovery import MAX_DOMAIN_ID, Discovery
from .domain import domains

ANY_STATE = SampleState.Any | ViewState.Any | InstanceState.Any
FOREVER = 2**63 - 1
_BASES: dict[str, Any] = {
    "bool": bool, "byte": idl_types.uint8, "char": idl_types.uint8, "int8": idl_types.int8,
    "uint8": idl_types.uint8, "int16": idl_types.int16, "uint16": idl_types.uint16,
    "int32": idl_types.int32, "uint32": idl_types.uint32, "int64": idl_types.int64,
    "uint64": idl_types.uint64, "float32": idl_types.float32, "float64": idl_types.float64,
    "string": str,
}  # fmt: skip
_library = DDS._dll_handle
_structs: dict[tuple[str, bool], Any] = {}


def dds_type_name(name: str) -> str:
    """The DDS name of a ROS type: "a/msg/B" is "a::msg::dds_::B_".

    As rmw_cyclonedds_cpp's MessageTypeSupport_impl.hpp makes it.
    """
    package, kind, short = name.split("/")
    return f"{package}::{kind}::dds_::{short}_"


def ros_type_name(name: str) -> str:
    """The ROS name of a DDS type; other names stay as they are."""
    if "::dds_::" not in name or not name.endswith("_"):
        return name
    return name[:-1].replace("dds_::", "").replace("::", "/")


def _idl_type(field: FieldType) -> Any:
    if field.message:
        base = idl_struct(field.base)
    elif field.base == "string" and field.string_bound:
        base = idl_types.bounded_str[field.string_bound]
    else:
        base = _BASES[field.base]
    if field.kind == "array":
        return idl_types.array[base, field.size]
    if field.kind == "sequence":
        return idl_types.sequence[base, field.size] if field.size else idl_types.sequence[base]
    return base


def idl_struct(name: str, service: bool = False) -> Any:
    """The cyclonedds type of a structure, told to others in discovery; it serialises nothing.

    With service set, the two numbers that rmw_cyclonedds puts before requests and responses lead.
    """
    if (name, service) not in _structs:
        fields: dict[str, Any] = {}
        if service:
            fields = {"client_guid": idl_types.uint64, "sequence_number": idl_types.int64}
        for field, kind in interfaces.definition(name).fields:
            fields[field] = _idl_type(kind)
        short = name.rsplit("/", 1)[1]
        struct: type[IdlStruct] = make_idl_struct(
            f"{short}_", dds_type_name(name), fields, dataclassify=False
        )
        _structs[name, service] = struct
    return _structs[name, service]


class Participant:
    """One participant of a domain; one per context."""

    def __init__(self, domain_id: int, discovery: Discovery, enclave: str = "/") -> None:
        if not 0 <= domain_id <= MAX_DOMAIN_ID:
            raise RCLError(f"domain id {domain_id} is out of range: 0 to {MAX_DOMAIN_ID} are valid")
        self.domain_id = domain_id
        domains.acquire(domain_id, discovery.config())
        try:
            user_data = Qos(Policy.Userdata(f"enclave={enclave};".encode()))
            self.entity = DomainParticipant(domain_id, qos=user_data)
        except DDSException as error:
            domains.release(domain_id)
            raise RCLError(
                f"no DDS participant could join domain {domain_id} ({error}): too many processes "
                "on this host use the domain, or a port is taken; another ROS_DOMAIN_ID is free"
            ) from error
        self.gid: bytes = self.entity.guid.bytes
        self._lock = threading.Lock()
        self._topics: dict[tuple[str, str], Topic] = {}
        self.closed = False

    def topic(self, name: str, type_name: str, service: bool = False) -> Topic:
        """The DDS topic of this name and type, made on first use."""
        with self._lock:
            if (name, type_name) not in self._topics:
                struct = idl_struct(type_name, service)
                try:
                    self._topics[name, type_name] = Topic(self.entity, name, struct, qos=_TOPIC_QOS)
                except DDSException as error:
                    raise RCLError(f"the topic {name!r} could not be created: {error}") from error
            return self._topics[name, type_name]

    def close(self) -> None:
        """Leave the domain, with every endpoint."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
        self.entity._delete(self.entity._ref)
        domains.release(self.domain_id)


def dds_condition(reader: int) -> int:
    """A condition that is triggered while a DDS reader has something to take."""
    return int(ReadCondition.__new__(ReadCondition)._create_readcondition(reader, ANY_STATE))


def triggered(condition: int) -> bool:
    """Whether a condition is triggered; a deleted one is not."""
    return bool(_library.dds_triggered(condition) == 1)


class Writer:
    """A DDS writer of serialised messages."""

    def __init__(
        self, participant: Participant, topic: str, type_name: str, qos: Qos, service: bool = False
    ) -> None:
        self.participant = participant
        self.topic = topic
        self.type_name = type_name
        try:
            dds_topic = participant.topic(topic, type_name, service)
            self.entity = DataWriter(participant.entity, dds_topic, qos=qos)
        except DDSException as error:
            raise RCLError(f"the publisher of {topic!r} could not be created: {error}") from error
        self._ref = self.entity._ref
        self.gid: bytes = self.entity.guid.bytes
        self.handle: int = self.entity.get_instance_handle() & (2**64 - 1)

    def write(self, data: bytes) -> None:
        """Send bytes: CDR with its header.

        Raises:
            RCLError: the writer is gone.

        """
        padding = -len(data) % 4
        result = ddspy_write(self._ref, data + b"\x00" * padding if padding else data)
        if result < 0:
            raise RCLError(f"the message could not be sent: {DDSException(result)}")

    def matched(self) -> int:
        """How many readers get what is written."""
        count = self.entity._get_matched_subscriptions(self._ref, None, 0)
        return max(int(count), 0)

    def assert_liveliness(self) -> None:
        """Show that the writer is alive."""
        _library.dds_assert_liveliness(self._ref)

    def wait_for_acks(self, timeout_ns: int) -> bool:
        """Wait until every reliable reader has everything; negative: for ever."""
        timeout = ctypes.c_int64(FOREVER if timeout_ns < 0 else timeout_ns)
        return bool(_library.dds_wait_for_acks(self._ref, timeout) == 0)

    def close(self) -> None:
        """Delete the writer; a second call does nothing."""
        self.entity._delete(self._ref)


class Reader:
    """A DDS reader of serialised messages."""

    def __init__(
        self, participant: Participant, topic: str, type_name: str, qos: Qos, service: bool = False
    ) -> None:
        self.participant = participant
        self.topic = topic
        self.type_name = type_name
        try:
            dds_topic = participant.topic(topic, type_name, service)
            self.entity = DataReader(participant.entity, dds_topic, qos=qos)
        except DDSException as error:
            raise RCLError(f"the subscription to {topic!r} failed: {error}") from error
        self._ref = self.entity._ref
        self.gid: bytes = self.entity.guid.bytes
        self.condition = dds_condition(self._ref)
        self._refused: set[bytes] = set()

    def readable(self) -> bool:
        """Whether take() may find something."""
        return triggered(self.condition)

    def refuse(self, writer: bytes) -> None:
        """Drop what a writer of this gid sends."""
        self._refused.add(writer)

    def _is_refused(self, handle: int) -> bool:
        writer = self.entity.get_matched_publication_data(handle)
        return writer is not None and writer.key.bytes in self._refused

    def take(self) -> "tuple[bytes, Any] | None":
        """The oldest unread message with its sample info, or None."""
        while True:
            taken = ddspy_take(self._ref, ANY_STATE, 1)
            if isinstance(taken, int) or not taken:
                return None
            data, info = taken[0]
            # A writer that went away leaves a sample without data.
            if info.valid_data and not (
                self._refused and self._is_refused(info.publication_handle)
            ):
                return data, info

    def matched(self) -> int:
        """How many writers this reader gets messages from."""
        count = self.entity._get_matched_publications(self._ref, None, 0)
        return max(int(count), 0)

    def close(self) -> None:
        """Delete the reader; a second call does nothing."""
        self.entity._delete(self._ref)


_TOPIC_QOS = Qos(
    Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False)
)


class Waiter:
    """Waits for any of a changing set of conditions and entities, or for wake()."""

    def __init__(self, participant: Participant) -> None:
        self._waitset = WaitSet(participant.entity)
        self._guard = GuardCondition(participant.entity)
        self._attached: set[int] = set()
        self._wait = _library.dds_waitset_wait
        self._attach(self._guard._ref)

    def _attach(self, reference: int) -> bool:
        return bool(_library.dds_waitset_attach(self._waitset._ref, reference, reference) == 0)

    def watch(self, wanted: set[int]) -> None:
        """Wait for these conditions and entities from now on, and no others."""
        for reference in self._attached - wanted:
            _library.dds_waitset_detach(self._waitset._ref, reference)
        self._attached &= wanted
        for reference in wanted - self._attached:
            # What was deleted meanwhile cannot be attached and is never ready.
            if self._attach(reference):
                self._attached.add(reference)

    def wake(self) -> None:
        """End the present or the next wait; safe from any thread."""
        _library.dds_set_guardcondition(self._guard._ref, ctypes.c_bool(True))

    def wait(self, timeout_ns: int) -> bool:
        """Block until a reader has something, wake() was called, or the time is over.

        Returns:
            False where the participant is gone.

        """
        result = self._wait(
            self._waitset._ref, None, ctypes.c_size_t(0), ctypes.c_int64(min(timeout_ns, FOREVER))
        )
        if result < 0:
            return False
        triggered = ctypes.c_bool()
        _library.dds_take_guardcondition(self._guard._ref, ctypes.byref(triggered))
        return True

    def close(self) -> None:
        """Delete the wait set."""
        self._waitset._delete(self._guard._ref)
        self._waitset._delete(self._waitset._ref)


def runtime_name() -> str:
    """Name and version of the middleware."""
    return f"Cyclone DDS {version('cyclonedds')}"
