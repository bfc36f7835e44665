# SPDX-License-Identifier: Apache-2.0
"""Every message type of this package's topics, filled: said on /say/..., heard on /hear/...

usage: every_message.py say|hear. The same file on both runtimes. What was heard is one JSON object
per line. The test imports the list of types.
"""

import importlib
import json
import math
import sys
from functools import partial

# What nodes of this package send or read, with what ROS's own tools and parameters use beside them.
TYPES = (
    "builtin_interfaces/msg/Time",
    "builtin_interfaces/msg/Duration",
    "diagnostic_msgs/msg/DiagnosticArray",
    "lifecycle_msgs/msg/TransitionEvent",
    "pam_ros/msg/AttentionMap",
    "pam_ros/msg/CameraAttention",
    "pam_ros/msg/SaeFeatures",
    "pam_ros/msg/TokenActivations",
    "pam_ros/msg/TokenGroup",
    "rcl_interfaces/msg/Log",
    "rcl_interfaces/msg/ParameterDescriptor",
    "rcl_interfaces/msg/ParameterEvent",
    "rosgraph_msgs/msg/Clock",
    "sensor_msgs/msg/CompressedImage",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/JointState",
    "std_msgs/msg/Float64MultiArray",
    "std_msgs/msg/Header",
    "std_msgs/msg/String",
    "trajectory_msgs/msg/JointTrajectory",
)
WORDS = ("front camera", "Gelenk 3 \u00fc\u4e16", "")
INTEGERS = {"8": 8, "16": 16, "32": 32, "64": 64}


def topic(task, type_name):
    return f"/{task}/{type_name.replace('/msg/', '/')}"


def integer(kind, salt):
    """The ends of the range, and something between."""
    signed = kind.startswith("int")
    bits = INTEGERS[kind.removeprefix("u").removeprefix("int")]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return (high, low, 5)[salt % 3]


def value(kind, salt):
    """A value for a field type as get_fields_and_field_types() writes it, as JSON would have it."""
    if kind.startswith("sequence<"):
        bound = kind.removesuffix(">").partition(", ")[2]
        return [value(element_of(kind), salt + step) for step in range(min(3, int(bound or 3)))]
    if kind.endswith("]"):
        inner, _, length = kind[:-1].rpartition("[")
        return [value(inner, salt + step) for step in range(int(length))]
    if kind in ("boolean", "bool"):
        return salt % 2 == 0
    if kind in ("octet", "byte"):
        return 7
    if kind in ("float", "float32"):
        return (0.5, -(2.0**127), 2.0**-126)[salt % 3]
    if kind in ("double", "float64"):
        return (math.pi, -1.0e300, 5.0e-324)[salt % 3]
    if kind.startswith(("int", "uint")):
        return integer(kind, salt)
    if kind.startswith("string"):
        return WORDS[salt % 3]
    return sample(kind, salt)


def sample(type_name, salt=0):
    """Plain data for a whole message."""
    return {
        name: value(kind, salt + place)
        for place, (name, kind) in enumerate(fields_of(type_name).items())
    }


def element_of(kind):
    """Of sequence<float, 3>, for one, float."""
    return kind.removeprefix("sequence<").rpartition(">")[0].partition(",")[0]


def message_class(name):
    package, kind = name.replace("/msg/", "/").split("/")
    return getattr(importlib.import_module(f"{package}.msg"), kind)


def fields_of(name):
    return message_class(name).get_fields_and_field_types()


def fill(kind, data):
    """A message, or a field's value, of plain data."""
    if isinstance(data, dict):
        message = message_class(kind)()
        for name, inner in fields_of(kind).items():
            setattr(message, name, fill(inner, data[name]))
        return message
    if isinstance(data, list) and kind.startswith("sequence<"):
        return [fill(element_of(kind), each) for each in data]
    return octets_as_bytes(kind, data)


def octets_as_bytes(kind, data):
    """Plain data with each octet as rclpy has it."""
    if isinstance(data, dict):
        fields = fields_of(kind)
        return {name: octets_as_bytes(fields[name], inner) for name, inner in data.items()}
    if isinstance(data, list) and kind.startswith("sequence<"):
        return [octets_as_bytes(element_of(kind), each) for each in data]
    return bytes([data]) if kind == "octet" else data


def plain(data):
    """What fill() began with."""
    if hasattr(data, "get_fields_and_field_types"):
        return {name: plain(getattr(data, name)) for name in data.get_fields_and_field_types()}
    if hasattr(data, "tolist"):
        return data.tolist()
    if isinstance(data, (list, tuple)):
        return [plain(each) for each in data]
    return data[0] if isinstance(data, bytes) else data


def say(**fact):
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def main(task):
    import rclpy
    from rclpy.executors import ExternalShutdownException

    rclpy.init()
    node = rclpy.create_node(f"every_{task}")
    for name in TYPES:
        kind = message_class(name)
        if task == "say":
            message = fill(name, sample(name))
            publisher = node.create_publisher(kind, topic(task, name), 5)
            node.create_timer(0.2, partial(publisher.publish, message))
        else:
            node.create_subscription(
                kind, topic(task, name), lambda message, n=name: say(**{n: plain(message)}), 5
            )
    say(ready=task, samples={name: sample(name) for name in TYPES})
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
