# SPDX-License-Identifier: Apache-2.0
"""Which public modules there are, and which names they show."""

from __future__ import annotations

# Public module -> our modules whose own names it shows.
_NAMES = (
    "validate_node_name", "validate_namespace", "validate_topic_name", "validate_full_topic_name",
    "validate_parameter_name", "expand_topic_name", "topic_or_service_is_hidden",
)  # fmt: skip
MODULES: dict[str, tuple[str, ...]] = {
    "rclpy": ("api",),
    "rclpy.callback_groups": ("callback_groups",),
    "rclpy.client": ("client", "type_variables"),
    "rclpy.clock": ("clock", "time"),
    "rclpy.clock_type": ("time",),
    "rclpy.constants": ("duration",),
    "rclpy.context": ("context",),
    "rclpy.destroyable": ("destroyable",),
    "rclpy.duration": ("duration",),
    "rclpy.event_handler": ("event_handler", "event_types"),
    "rclpy.qos_event": ("event_handler", "event_types"),
    "rclpy.exceptions": ("exceptions",),
    "rclpy.executors": ("executors", "executor_base"),
    "rclpy.guard_condition": ("guard_condition",),
    "rclpy.lifecycle": ("lifecycle",),
    "rclpy.lifecycle.managed_entity": ("lifecycle_managed_entity",),
    "rclpy.lifecycle.node": ("lifecycle_node",),
    "rclpy.lifecycle.publisher": ("lifecycle_publisher",),
    "rclpy.logging": ("logging",),
    "rclpy.logging_service": ("logging_service",),
    "rclpy.impl": (),
    "rclpy.impl.implementation_singleton": ("implementation",),
    "rclpy.impl.logging_severity": ("logging",),
    "rclpy.impl.rcutils_logger": ("logging",),
    "rclpy._rclpy_pybind11": ("middleware_errors", "lifecycle_state_machine"),
    "rclpy.node": ("node", "node_parameters", "type_variables"),
    "rclpy.parameter": ("parameter",),
    "rclpy.parameter_client": ("parameter_client",),
    "rclpy.parameter_event_handler": ("parameter_event_handler",),
    "rclpy.parameter_service": ("parameter_service",),
    "rclpy.publisher": ("publisher", "type_variables"),
    "rclpy.qos": ("qos", "qos_compatibility"),
    "rclpy.qos_overriding_options": ("qos_overriding_options",),
    "rclpy.serialization": ("serialization",),
    "rclpy.service": ("service", "type_variables"),
    "rclpy.signals": ("signals",),
    "rclpy.subscription": ("subscription", "type_variables"),
    "rclpy.task": ("task",),
    "rclpy.time": ("time",),
    "rclpy.time_source": ("time_source",),
    "rclpy.timer": ("timer",),
    "rclpy.topic_endpoint_info": ("endpoint_info",),
    "rclpy.type_hash": ("endpoint_info",),
    "rclpy.type_support": ("type_support",),
    "rclpy.utilities": ("utilities",),
    "rclpy.wait_for_message": ("wait_for_message",),
    **{f"rclpy.{name}": ("names",) for name in _NAMES},
    "cv_bridge": ("cv_bridge",),
    "cv_bridge.core": ("cv_bridge",),
    "rosidl_parser": (),
    "rosidl_parser.definition": ("slot_types",),
}
# Public module -> {home: further names}. rclpy's modules show what they import, and programs import
# it from there.
ALSO: dict[str, dict[str, str]] = {
    "rclpy.client": {
        "callback_groups": "CallbackGroup",
        "clock": "Clock",
        "context": "Context",
        "task": "Future",
        "qos": "QoSProfile",
    },
    "rclpy.clock": {
        "context": "Context",
        "destroyable": "DestroyableType",
        "duration": "Duration",
        "exceptions": "NotInitializedException",
        "utilities": "get_default_context",
    },
    "rclpy.context": {"destroyable": "DestroyableType"},
    "rclpy.event_handler": {
        "callback_groups": "CallbackGroup",
        "middleware_errors": "UnsupportedEventTypeError",
        "logging": "get_logger",
        "qos": "qos_policy_name_from_kind",
    },
    "rclpy.qos_event": {
        "callback_groups": "CallbackGroup",
        "middleware_errors": "UnsupportedEventTypeError",
        "logging": "get_logger",
        "qos": "qos_policy_name_from_kind",
    },
    "rclpy.exceptions": {"middleware_errors": "InvalidHandle"},
    "rclpy.executors": {
        "client": "Client",
        "clock": "Clock",
        "time": "ClockType",
        "context": "Context",
        "task": "Future Task",
        "guard_condition": "GuardCondition",
        "middleware_errors": "InvalidHandle",
        "service": "Service",
        "subscription": "Subscription",
        "timer": "Timer",
        "utilities": "get_default_context timeout_sec_to_nsec",
    },
    "rclpy.guard_condition": {"utilities": "get_default_context"},
    "rclpy.lifecycle": {"lifecycle": "Node NodeMixin Publisher State"},
    "rclpy.lifecycle.managed_entity": {"lifecycle_managed_entity": "TransitionCallbackReturn"},
    "rclpy.lifecycle.node": {
        "callback_groups": "CallbackGroup",
        "lifecycle_publisher": "LifecyclePublisher",
        "lifecycle_managed_entity": "ManagedEntity TransitionCallbackReturn",
        "node": "Node",
        "qos": "QoSProfile",
        "service": "Service",
        "type_support": "check_is_valid_srv_type",
    },
    "rclpy.lifecycle.publisher": {
        "type_variables": "MsgType",
        "publisher": "Publisher",
        "lifecycle_managed_entity": "SimpleManagedEntity",
    },
    "rclpy.logging_service": {
        "rcl_interfaces.srv": "GetLoggerLevels SetLoggerLevels",
        "rcl_interfaces.msg": "LoggerLevel SetLoggerLevelsResult",
        "logging": "LoggingSeverity",
        "names": "TOPIC_SEPARATOR_STRING",
        "qos": "qos_profile_services_default",
    },
    "rclpy.impl.rcutils_logger": {"clock": "Clock"},
    "rclpy._rclpy_pybind11": {
        "qos_compatibility": "QoSCompatibility",
        "signals": "SignalHandlerOptions",
    },
    "rclpy.node": {
        "callback_groups": "CallbackGroup MutuallyExclusiveCallbackGroup ReentrantCallbackGroup",
        "client": "Client",
        "clock": "Clock ROSClock",
        "context": "Context",
        "executor_base": "Executor",
        "rcl_interfaces.msg": (
            "FloatingPointRange IntegerRange ListParametersResult ParameterDescriptor "
            "ParameterEvent ParameterType ParameterValue SetParametersResult"
        ),
        "guard_condition": "GuardCondition",
        "middleware_errors": "InvalidHandle",
        "exceptions": (
            "InvalidParameterTypeException InvalidParameterValueException "
            "InvalidTopicNameException NotInitializedException "
            "ParameterAlreadyDeclaredException ParameterImmutableException "
            "ParameterNotDeclaredException ParameterUninitializedException"
        ),
        "rcl_interfaces.srv": "ListParameters",
        "logging_service": "LoggingService",
        "parameter": "Parameter ParameterMsg",
        "parameter_service": "ParameterService",
        "publisher": "Publisher",
        "event_handler": "PublisherEventCallbacks SubscriptionEventCallbacks",
        "qos_overriding_options": "QoSOverridingOptions",
        "qos": "QoSProfile qos_profile_services_default",
        "timer": "Rate Timer",
        "service": "Service",
        "subscription": "Subscription",
        "time_source": "TimeSource",
        "endpoint_info": "TopicEndpointInfo",
        "type_support": "check_is_valid_msg_type check_is_valid_srv_type",
        "names": (
            "expand_topic_name validate_full_topic_name validate_namespace validate_node_name "
            "validate_parameter_name validate_topic_name"
        ),
        "utilities": "get_default_context",
        "logging": "get_logger",
    },
    "rclpy.parameter": {
        "parameter": "ParameterMsg",
        "rcl_interfaces.msg": "ParameterType ParameterValue",
    },
    "rclpy.parameter_client": {
        "callback_groups": "CallbackGroup",
        "rcl_interfaces.srv": (
            "DescribeParameters GetParameterTypes GetParameters ListParameters SetParameters "
            "SetParametersAtomically"
        ),
        "task": "Future",
        "node": "Node",
        "parameter": "Parameter ParameterMsg parameter_dict_from_yaml_file",
        "rcl_interfaces.msg": "ParameterEvent",
        "qos_overriding_options": "QoSOverridingOptions",
        "qos": "QoSProfile",
        "subscription": "Subscription",
        "event_handler": "SubscriptionEventCallbacks",
    },
    "rclpy.parameter_event_handler": {
        "callback_groups": "CallbackGroup",
        "node": "Node",
        "parameter": "Parameter",
        "rcl_interfaces.msg": "ParameterEvent",
        "qos_overriding_options": "QoSOverridingOptions",
        "qos": "QoSProfile",
        "event_handler": "SubscriptionEventCallbacks",
    },
    "rclpy.parameter_service": {
        "rcl_interfaces.srv": (
            "DescribeParameters GetParameterTypes GetParameters ListParameters SetParameters "
            "SetParametersAtomically"
        ),
        "rcl_interfaces.msg": "ListParametersResult SetParametersResult",
        "parameter": "Parameter",
        "exceptions": "ParameterNotDeclaredException ParameterUninitializedException",
        "names": "TOPIC_SEPARATOR_STRING",
    },
    "rclpy.publisher": {
        "callback_groups": "CallbackGroup",
        "duration": "Duration",
        "event_handler": "EventHandler PublisherEventCallbacks",
        "qos": "QoSProfile",
    },
    "rclpy.qos": {"duration": "Duration"},
    "rclpy.qos_overriding_options": {
        "duration": "Duration",
        "parameter": "Parameter",
        "exceptions": "ParameterAlreadyDeclaredException",
        "rcl_interfaces.msg": "ParameterDescriptor SetParametersResult",
        "publisher": "Publisher",
        "qos": (
            "QoSDurabilityPolicy QoSHistoryPolicy QoSLivelinessPolicy QoSPolicyKind "
            "QoSProfile QoSReliabilityPolicy"
        ),
        "qos_overriding_options": "QosCallbackResult",
        "subscription": "Subscription",
    },
    "rclpy.serialization": {"type_support": "check_for_type_support"},
    "rclpy.service": {
        "callback_groups": "CallbackGroup",
        "clock": "Clock",
        "qos": "QoSProfile",
    },
    "rclpy.signals": {
        "guard_condition": "GuardCondition",
        "middleware_errors": "InvalidHandle",
    },
    "rclpy.subscription": {
        "callback_groups": "CallbackGroup",
        "event_handler": "EventHandler SubscriptionEventCallbacks",
        "qos": "QoSProfile",
    },
    "rclpy.time": {"duration": "Duration"},
    "rclpy.time_source": {
        "time": "ClockType Time",
        "parameter": "Parameter",
        "qos": "QoSProfile ReliabilityPolicy",
        "clock": "ROSClock",
        "rcl_interfaces.msg": "SetParametersResult",
    },
    "rclpy.timer": {
        "callback_groups": "CallbackGroup",
        "clock": "Clock",
        "context": "Context",
        "middleware_errors": "InvalidHandle",
        "exceptions": "ROSInterruptException",
        "utilities": "get_default_context",
    },
    "rclpy.topic_endpoint_info": {"qos": "QoSHistoryPolicy QoSPresetProfiles QoSProfile"},
    "rclpy.type_support": {"exceptions": "NoTypeSupportImportedException"},
    "rclpy.utilities": {"context": "Context"},
    "rclpy.wait_for_message": {
        "node": "Node",
        "qos": "QoSProfile",
        "utilities": "timeout_sec_to_nsec",
    },
    "rclpy.validate_node_name": {"exceptions": "InvalidNodeNameException"},
    "rclpy.validate_namespace": {"exceptions": "InvalidNamespaceException"},
    "rclpy.validate_topic_name": {
        "exceptions": "InvalidServiceNameException InvalidTopicNameException"
    },
    "rclpy.validate_full_topic_name": {
        "exceptions": "InvalidServiceNameException InvalidTopicNameException"
    },
    "rclpy.validate_parameter_name": {"exceptions": "InvalidParameterException"},
}
