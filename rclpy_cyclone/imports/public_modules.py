# SPDX-License-Identifier: Apache-2.0
"""Which public modules there are, and which names they show."""

from __future__ import annotations

_NAMES = (
    "validate_node_name", "validate_namespace", "validate_topic_name", "validate_full_topic_name",
    "validate_parameter_name", "expand_topic_name", "topic_or_service_is_hidden",
)  # fmt: skip
# Public module -> our modules whose own names it shows. A class says that it is of the first public
# module that shows it: so rclpy.duration and rclpy.time stand before others that show theirs.
MODULES: dict[str, tuple[str, ...]] = {
    "rclpy": ("api",),
    "rclpy.callback_groups": ("executors.callback_groups",),
    "rclpy.client": ("entities.client", "types.variables"),
    "rclpy.time": ("time.time",),
    "rclpy.clock": ("time.clock", "time.time"),
    "rclpy.clock_type": ("time.time",),
    "rclpy.duration": ("time.duration",),
    "rclpy.constants": ("time.duration",),
    "rclpy.context": ("process.context",),
    "rclpy.destroyable": ("entities.destroyable",),
    "rclpy.event_handler": ("entities.event_handler", "entities.event_types"),
    "rclpy.qos_event": ("entities.event_handler", "entities.event_types"),
    "rclpy.exceptions": ("errors.exceptions",),
    "rclpy.executors": ("executors.executors", "executors.base"),
    "rclpy.guard_condition": ("entities.guard_condition",),
    "rclpy.lifecycle": ("lifecycle.public_names",),
    "rclpy.lifecycle.managed_entity": ("lifecycle.managed_entity",),
    "rclpy.lifecycle.node": ("lifecycle.node",),
    "rclpy.lifecycle.publisher": ("lifecycle.publisher",),
    "rclpy.logging": ("logging.loggers",),
    "rclpy.logging_service": ("node.logging_service",),
    "rclpy.impl": (),
    "rclpy.impl.implementation_singleton": ("errors.implementation",),
    "rclpy.impl.logging_severity": ("logging.loggers",),
    "rclpy.impl.rcutils_logger": ("logging.loggers",),
    "rclpy._rclpy_pybind11": ("errors.middleware", "lifecycle.state_machine"),
    "rclpy.node": ("node.node", "parameters.of_node", "types.variables"),
    "rclpy.parameter": ("parameters.parameter",),
    "rclpy.parameter_client": ("helpers.parameter_client",),
    "rclpy.parameter_event_handler": ("helpers.parameter_event_handler",),
    "rclpy.parameter_service": ("parameters.service",),
    "rclpy.publisher": ("entities.publisher", "types.variables"),
    "rclpy.qos": ("qos.profile", "qos.compatibility"),
    "rclpy.qos_overriding_options": ("node.qos_overriding_options",),
    "rclpy.serialization": ("types.serialization",),
    "rclpy.service": ("entities.service", "types.variables"),
    "rclpy.signals": ("process.signals",),
    "rclpy.subscription": ("entities.subscription", "types.variables"),
    "rclpy.task": ("executors.task",),
    "rclpy.time_source": ("node.time_source",),
    "rclpy.timer": ("entities.timer",),
    "rclpy.topic_endpoint_info": ("graph.endpoint_info",),
    "rclpy.type_hash": ("graph.endpoint_info",),
    "rclpy.type_support": ("types.support",),
    "rclpy.utilities": ("process.utilities",),
    "rclpy.wait_for_message": ("helpers.wait_for_message",),
    **{f"rclpy.{name}": ("arguments.names",) for name in _NAMES},
    "cv_bridge": ("cv_bridge",),
    "cv_bridge.core": ("cv_bridge",),
    "rosidl_parser": (),
    "rosidl_parser.definition": ("types.slots",),
    "diagnostic_updater": (
        "diagnostics.status", "diagnostics.tasks", "diagnostics.updater", "diagnostics.frequency",
        "diagnostics.stamps", "diagnostics.topics",
    ),
    "ament_index_python": (),
    "ament_index_python.constants": ("ament_index.constants",),
    "ament_index_python.packages": ("ament_index.packages",),
    "ament_index_python.resources": ("ament_index.resources",),
    "ament_index_python.search_paths": ("ament_index.search_paths",),
}  # fmt: skip
# Public module -> {home: further names}. rclpy's modules show what they import, and programs import
# it from there.
ALSO: dict[str, dict[str, str]] = {
    "rclpy.client": {
        "executors.callback_groups": "CallbackGroup",
        "time.clock": "Clock",
        "process.context": "Context",
        "executors.task": "Future",
        "qos.profile": "QoSProfile",
    },
    "rclpy.clock": {
        "process.context": "Context",
        "entities.destroyable": "DestroyableType",
        "time.duration": "Duration",
        "errors.exceptions": "NotInitializedException",
        "process.utilities": "get_default_context",
    },
    "rclpy.context": {"entities.destroyable": "DestroyableType"},
    "rclpy.event_handler": {
        "executors.callback_groups": "CallbackGroup",
        "errors.middleware": "UnsupportedEventTypeError",
        "logging.loggers": "get_logger",
        "qos.profile": "qos_policy_name_from_kind",
    },
    "rclpy.qos_event": {
        "executors.callback_groups": "CallbackGroup",
        "errors.middleware": "UnsupportedEventTypeError",
        "logging.loggers": "get_logger",
        "qos.profile": "qos_policy_name_from_kind",
    },
    "rclpy.exceptions": {"errors.middleware": "InvalidHandle"},
    "rclpy.executors": {
        "entities.client": "Client",
        "time.clock": "Clock",
        "time.time": "ClockType",
        "process.context": "Context",
        "executors.task": "Future Task",
        "entities.guard_condition": "GuardCondition",
        "errors.middleware": "InvalidHandle",
        "entities.service": "Service",
        "entities.subscription": "Subscription",
        "entities.timer": "Timer",
        "process.utilities": "get_default_context timeout_sec_to_nsec",
    },
    "rclpy.guard_condition": {"process.utilities": "get_default_context"},
    "rclpy.lifecycle": {"lifecycle.public_names": "Node NodeMixin Publisher State"},
    "rclpy.lifecycle.managed_entity": {"lifecycle.managed_entity": "TransitionCallbackReturn"},
    "rclpy.lifecycle.node": {
        "executors.callback_groups": "CallbackGroup",
        "lifecycle.publisher": "LifecyclePublisher",
        "lifecycle.managed_entity": "ManagedEntity TransitionCallbackReturn",
        "node.node": "Node",
        "qos.profile": "QoSProfile",
        "entities.service": "Service",
        "types.support": "check_is_valid_srv_type",
    },
    "rclpy.lifecycle.publisher": {
        "types.variables": "MsgType",
        "entities.publisher": "Publisher",
        "lifecycle.managed_entity": "SimpleManagedEntity",
    },
    "rclpy.logging_service": {
        "rcl_interfaces.srv": "GetLoggerLevels SetLoggerLevels",
        "rcl_interfaces.msg": "LoggerLevel SetLoggerLevelsResult",
        "logging.loggers": "LoggingSeverity",
        "arguments.names": "TOPIC_SEPARATOR_STRING",
        "qos.profile": "qos_profile_services_default",
    },
    "rclpy.impl.rcutils_logger": {"time.clock": "Clock"},
    "rclpy._rclpy_pybind11": {
        "qos.compatibility": "QoSCompatibility",
        "process.signals": "SignalHandlerOptions",
    },
    "rclpy.node": {
        "executors.callback_groups": (
            "CallbackGroup MutuallyExclusiveCallbackGroup ReentrantCallbackGroup"
        ),
        "entities.client": "Client",
        "time.clock": "Clock ROSClock",
        "process.context": "Context",
        "executors.base": "Executor",
        "rcl_interfaces.msg": (
            "FloatingPointRange IntegerRange ListParametersResult ParameterDescriptor "
            "ParameterEvent ParameterType ParameterValue SetParametersResult"
        ),
        "entities.guard_condition": "GuardCondition",
        "errors.middleware": "InvalidHandle",
        "errors.exceptions": (
            "InvalidParameterTypeException InvalidParameterValueException "
            "InvalidTopicNameException NotInitializedException "
            "ParameterAlreadyDeclaredException ParameterImmutableException "
            "ParameterNotDeclaredException ParameterUninitializedException"
        ),
        "rcl_interfaces.srv": "ListParameters",
        "node.logging_service": "LoggingService",
        "parameters.parameter": "Parameter ParameterMsg",
        "parameters.service": "ParameterService",
        "entities.publisher": "Publisher",
        "entities.event_handler": "PublisherEventCallbacks SubscriptionEventCallbacks",
        "node.qos_overriding_options": "QoSOverridingOptions",
        "qos.profile": "QoSProfile qos_profile_services_default",
        "entities.timer": "Rate Timer",
        "entities.service": "Service",
        "entities.subscription": "Subscription",
        "node.time_source": "TimeSource",
        "graph.endpoint_info": "TopicEndpointInfo",
        "types.support": "check_is_valid_msg_type check_is_valid_srv_type",
        "arguments.names": (
            "expand_topic_name validate_full_topic_name validate_namespace validate_node_name "
            "validate_parameter_name validate_topic_name"
        ),
        "process.utilities": "get_default_context",
        "logging.loggers": "get_logger",
    },
    "rclpy.parameter": {
        "parameters.parameter": "ParameterMsg",
        "rcl_interfaces.msg": "ParameterType ParameterValue",
    },
    "rclpy.parameter_client": {
        "executors.callback_groups": "CallbackGroup",
        "rcl_interfaces.srv": (
            "DescribeParameters GetParameterTypes GetParameters ListParameters SetParameters "
            "SetParametersAtomically"
        ),
        "executors.task": "Future",
        "node.node": "Node",
        "parameters.parameter": "Parameter ParameterMsg parameter_dict_from_yaml_file",
        "rcl_interfaces.msg": "ParameterEvent",
        "node.qos_overriding_options": "QoSOverridingOptions",
        "qos.profile": "QoSProfile",
        "entities.subscription": "Subscription",
        "entities.event_handler": "SubscriptionEventCallbacks",
    },
    "rclpy.parameter_event_handler": {
        "executors.callback_groups": "CallbackGroup",
        "node.node": "Node",
        "parameters.parameter": "Parameter",
        "rcl_interfaces.msg": "ParameterEvent",
        "node.qos_overriding_options": "QoSOverridingOptions",
        "qos.profile": "QoSProfile",
        "entities.event_handler": "SubscriptionEventCallbacks",
    },
    "rclpy.parameter_service": {
        "rcl_interfaces.srv": (
            "DescribeParameters GetParameterTypes GetParameters ListParameters SetParameters "
            "SetParametersAtomically"
        ),
        "rcl_interfaces.msg": "ListParametersResult SetParametersResult",
        "parameters.parameter": "Parameter",
        "errors.exceptions": "ParameterNotDeclaredException ParameterUninitializedException",
        "arguments.names": "TOPIC_SEPARATOR_STRING",
    },
    "rclpy.publisher": {
        "executors.callback_groups": "CallbackGroup",
        "time.duration": "Duration",
        "entities.event_handler": "EventHandler PublisherEventCallbacks",
        "qos.profile": "QoSProfile",
    },
    "rclpy.qos": {"time.duration": "Duration"},
    "rclpy.qos_overriding_options": {
        "time.duration": "Duration",
        "parameters.parameter": "Parameter",
        "errors.exceptions": "ParameterAlreadyDeclaredException",
        "rcl_interfaces.msg": "ParameterDescriptor SetParametersResult",
        "entities.publisher": "Publisher",
        "qos.profile": (
            "QoSDurabilityPolicy QoSHistoryPolicy QoSLivelinessPolicy QoSPolicyKind "
            "QoSProfile QoSReliabilityPolicy"
        ),
        "node.qos_overriding_options": "QosCallbackResult",
        "entities.subscription": "Subscription",
    },
    "rclpy.serialization": {"types.support": "check_for_type_support"},
    "rclpy.service": {
        "executors.callback_groups": "CallbackGroup",
        "time.clock": "Clock",
        "qos.profile": "QoSProfile",
    },
    "rclpy.signals": {
        "entities.guard_condition": "GuardCondition",
        "errors.middleware": "InvalidHandle",
    },
    "rclpy.subscription": {
        "executors.callback_groups": "CallbackGroup",
        "entities.event_handler": "EventHandler SubscriptionEventCallbacks",
        "qos.profile": "QoSProfile",
    },
    "rclpy.time": {"time.duration": "Duration"},
    "rclpy.time_source": {
        "time.time": "ClockType Time",
        "parameters.parameter": "Parameter",
        "qos.profile": "QoSProfile ReliabilityPolicy",
        "time.clock": "ROSClock",
        "rcl_interfaces.msg": "SetParametersResult",
    },
    "rclpy.timer": {
        "executors.callback_groups": "CallbackGroup",
        "time.clock": "Clock",
        "process.context": "Context",
        "errors.middleware": "InvalidHandle",
        "errors.exceptions": "ROSInterruptException",
        "process.utilities": "get_default_context",
    },
    "rclpy.topic_endpoint_info": {"qos.profile": "QoSHistoryPolicy QoSPresetProfiles QoSProfile"},
    "rclpy.type_support": {"errors.exceptions": "NoTypeSupportImportedException"},
    "rclpy.utilities": {"process.context": "Context"},
    "rclpy.wait_for_message": {
        "node.node": "Node",
        "qos.profile": "QoSProfile",
        "process.utilities": "timeout_sec_to_nsec",
    },
    "rclpy.validate_node_name": {"errors.exceptions": "InvalidNodeNameException"},
    "rclpy.validate_namespace": {"errors.exceptions": "InvalidNamespaceException"},
    "rclpy.validate_topic_name": {
        "errors.exceptions": "InvalidServiceNameException InvalidTopicNameException"
    },
    "rclpy.validate_full_topic_name": {
        "errors.exceptions": "InvalidServiceNameException InvalidTopicNameException"
    },
    "rclpy.validate_parameter_name": {"errors.exceptions": "InvalidParameterException"},
    "diagnostic_updater": {
        "time.clock": "Clock",
        "time.time": "ClockType Time",
        "diagnostic_msgs.msg": "DiagnosticArray DiagnosticStatus KeyValue",
    },
    "ament_index_python": {
        "ament_index.constants": "RESOURCE_INDEX_SUBFOLDER",
        "ament_index.packages": (
            "PackageNotFoundError get_package_prefix get_package_share_directory "
            "get_package_share_path get_packages_with_prefixes"
        ),
        "ament_index.resources": (
            "InvalidResourceNameError InvalidResourceTypeNameError get_resource "
            "get_resource_types get_resources has_resource"
        ),
        "ament_index.search_paths": "get_search_paths",
    },
    "ament_index_python.packages": {
        "ament_index.resources": "get_resource get_resources",
        "ament_index.search_paths": "get_search_paths",
    },
    "ament_index_python.resources": {
        "ament_index.constants": "RESOURCE_INDEX_SUBFOLDER",
        "ament_index.search_paths": "get_search_paths",
    },
    "ament_index_python.search_paths": {"ament_index.constants": "AMENT_PREFIX_PATH_ENV_VAR"},
}


def full_name(source: str) -> str:
    """The module to import for a name of these tables: ours, or that of a message package."""
    return source if source.endswith((".msg", ".srv")) else f"rclpy_cyclone.{source}"
