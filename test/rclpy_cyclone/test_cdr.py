# SPDX-License-Identifier: Apache-2.0
"""The compiled serialisers against rosbags', the second route to the same bytes."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rclpy_cyclone.types.cdr import CdrError
from rclpy_cyclone.types.interfaces import EMPTY_MEMBER, INTEGER_RANGES, interfaces
from rclpy_cyclone.types.messages import codec, message_class

pytestmark = pytest.mark.embedded_only

STORE = interfaces.store
NAMES = sorted(STORE.fielddefs)


def as_rosbags(message):
    """The same message as rosbags' class for it."""
    values = {}
    for name, field in message.__fields__:
        value = getattr(message, name)
        if field.message:
            many = field.kind != "single"
            value = [as_rosbags(v) for v in value] if many else as_rosbags(value)
        elif field.base == "byte":
            many = field.kind != "single"
            value = np.frombuffer(b"".join(value), np.uint8) if many else value[0]
        elif field.kind != "single" and field.base != "string":
            value = np.asarray(value, "bool" if field.base == "bool" else None)
        values[name] = value
    if not message.__fields__:
        values[EMPTY_MEMBER] = 0
    return STORE.types[message.__type_name__](**values)


def value_of(draw, field):
    if field.message:
        return filled(draw, field.base)
    if field.base in INTEGER_RANGES:
        return draw(st.integers(*INTEGER_RANGES[field.base]))
    if field.base == "bool":
        return draw(st.booleans())
    if field.base == "byte":
        # rosbags takes a byte for signed.
        return bytes([draw(st.integers(0, 127))])
    if field.base == "string":
        text = st.text(st.characters(exclude_characters="\0", codec="utf-8"),
                       max_size=field.string_bound or 9)  # fmt: skip
        return draw(text)
    return draw(st.floats(width=32 if field.base == "float32" else 64, allow_nan=False))


def filled(draw, name):
    message = message_class(name)()
    for field_name, field in message.__fields__:
        if field.kind == "single":
            value = value_of(draw, field)
        else:
            limit = min(field.size or 3, 3)
            count = field.size if field.kind == "array" else draw(st.integers(0, limit))
            if count > 9 and not field.message:
                value = [value_of(draw, field)] * count
            else:
                value = [value_of(draw, field) for _ in range(count)]
        setattr(message, field_name, value)
    return message


@pytest.mark.parametrize("name", NAMES)
def test_default_messages_have_the_bytes_that_rosbags_writes(name):
    message = message_class(name)()
    data = codec(type(message)).encode(message)
    assert data == bytes(STORE.serialize_cdr(as_rosbags(message), name))
    assert codec(type(message)).decode(data) == message


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_message_has_the_bytes_that_rosbags_writes(data):
    message = filled(data.draw, data.draw(st.sampled_from(NAMES)))
    name = message.__type_name__
    encoded = codec(type(message)).encode(message)
    assert encoded == bytes(STORE.serialize_cdr(as_rosbags(message), name))
    assert codec(type(message)).decode(encoded) == message


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_big_endian_messages_are_read(data):
    message = filled(data.draw, data.draw(st.sampled_from(NAMES)))
    name = message.__type_name__
    encoded = bytes(STORE.serialize_cdr(as_rosbags(message), name, little_endian=False))
    assert codec(type(message)).decode(encoded) == message


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["sensor_msgs/msg/JointState", "diagnostic_msgs/msg/DiagnosticArray",
                        "sensor_msgs/msg/Image", "pam_ros/msg/AttentionMap"]),
       st.binary(max_size=200))  # fmt: skip
def test_arbitrary_bytes_raise_nothing_but_cdr_errors(name, data):
    try:
        codec(message_class(name)).decode(b"\x00\x01\x00\x00" + data)
    except CdrError as error:
        assert name in str(error)


@pytest.mark.parametrize("cut", [1, 8, 20, 40])
def test_truncated_messages_are_refused(cut):
    joints = message_class("sensor_msgs/msg/JointState")
    data = codec(joints).encode(joints(name=["a", "b"], position=[1.0, 2.0]))
    with pytest.raises(CdrError, match="JointState"):
        codec(joints).decode(data[:-cut])


def test_a_length_beyond_the_data_allocates_nothing():
    image = message_class("sensor_msgs/msg/Image")
    data = bytearray(codec(image).encode(image(data=b"1234")))
    data[-8:-4] = struct.pack("<I", 2**32 - 1)
    with pytest.raises(CdrError):
        codec(image).decode(bytes(data))


def test_trailing_bytes_of_another_definition_are_refused():
    text = message_class("std_msgs/msg/String")
    data = codec(text).encode(text(data="abc"))
    with pytest.raises(CdrError, match="bytes are expected"):
        codec(text).decode(data + bytes(8))
