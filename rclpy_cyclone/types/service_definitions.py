# SPDX-License-Identifier: Apache-2.0
"""The standard service interfaces that rosbags' type store does not have.

Each value is the body of a .srv file: request, three dashes, response. Names, types and constants
are those of ROS 2 Jazzy, since they decide the bytes on the wire and the type hash.
"""

from __future__ import annotations

SERVICES: dict[str, str] = {
    "std_srvs/srv/Empty": "---\n",
    "std_srvs/srv/SetBool": "bool data\n---\nbool success\nstring message\n",
    "std_srvs/srv/Trigger": "---\nbool success\nstring message\n",
    "rcl_interfaces/srv/DescribeParameters": (
        "string[] names\n---\nrcl_interfaces/ParameterDescriptor[] descriptors\n"
    ),
    "rcl_interfaces/srv/GetParameters": (
        "string[] names\n---\nrcl_interfaces/ParameterValue[] values\n"
    ),
    "rcl_interfaces/srv/GetParameterTypes": "string[] names\n---\nuint8[] types\n",
    "rcl_interfaces/srv/ListParameters": (
        "uint64 DEPTH_RECURSIVE=0\nstring[] prefixes\nuint64 depth\n"
        "---\nrcl_interfaces/ListParametersResult result\n"
    ),
    "rcl_interfaces/srv/SetParameters": (
        "rcl_interfaces/Parameter[] parameters\n---\nrcl_interfaces/SetParametersResult[] results\n"
    ),
    "rcl_interfaces/srv/SetParametersAtomically": (
        "rcl_interfaces/Parameter[] parameters\n---\nrcl_interfaces/SetParametersResult result\n"
    ),
    "rcl_interfaces/srv/GetLoggerLevels": (
        "string[] names\n---\nrcl_interfaces/LoggerLevel[] levels\n"
    ),
    "rcl_interfaces/srv/SetLoggerLevels": (
        "rcl_interfaces/LoggerLevel[] levels\n---\nrcl_interfaces/SetLoggerLevelsResult[] results\n"
    ),
    "lifecycle_msgs/srv/ChangeState": ("lifecycle_msgs/Transition transition\n---\nbool success\n"),
    "lifecycle_msgs/srv/GetState": "---\nlifecycle_msgs/State current_state\n",
    "lifecycle_msgs/srv/GetAvailableStates": "---\nlifecycle_msgs/State[] available_states\n",
    "lifecycle_msgs/srv/GetAvailableTransitions": (
        "---\nlifecycle_msgs/TransitionDescription[] available_transitions\n"
    ),
    "diagnostic_msgs/srv/AddDiagnostics": (
        "string load_namespace\n---\nbool success\nstring message\n"
    ),
    "diagnostic_msgs/srv/SelfTest": (
        "---\nstring id\nbyte passed\ndiagnostic_msgs/DiagnosticStatus[] status\n"
    ),
    "sensor_msgs/srv/SetCameraInfo": (
        "sensor_msgs/CameraInfo camera_info\n---\nbool success\nstring status_message\n"
    ),
}

# Default values of fields of the standard messages; rosbags keeps no defaults.
FIELD_DEFAULTS: dict[str, dict[str, object]] = {
    "geometry_msgs/msg/Quaternion": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0},
}
