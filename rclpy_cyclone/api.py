# SPDX-License-Identifier: Apache-2.0
"""What `import rclpy` gives: init, shutdown, create_node and the spin functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy_cyclone.executors.executors import SingleThreadedExecutor
from rclpy_cyclone.executors.task import Future
from rclpy_cyclone.node.node import Node
from rclpy_cyclone.parameters.parameter import Parameter
from rclpy_cyclone.process.context import Context
from rclpy_cyclone.process.signals import (
    SignalHandlerOptions,
    install_signal_handlers,
    uninstall_signal_handlers,
)
from rclpy_cyclone.process.utilities import (
    get_default_context,
    get_rmw_implementation_identifier,
    ok,
    try_shutdown,
)
from rclpy_cyclone.process.utilities import shutdown as _shutdown

if TYPE_CHECKING:
    from rclpy_cyclone.executors.base import Executor

__all__ = [
    "Context", "Future", "Node", "Parameter", "SignalHandlerOptions", "create_node",
    "get_default_context", "get_global_executor", "get_rmw_implementation_identifier", "init",
    "install_signal_handlers", "ok", "shutdown", "spin", "spin_once", "spin_until_future_complete",
    "try_shutdown", "uninstall_signal_handlers",
]  # fmt: skip

_global_executor: list[Executor] = []


def init(
    *,
    args: list[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> None:
    """Join the graph; SIGINT and SIGTERM are handled for the default context."""
    chosen = get_default_context() if context is None else context
    if signal_handler_options is None:
        default = chosen is get_default_context()
        signal_handler_options = SignalHandlerOptions.ALL if default else SignalHandlerOptions.NO
    chosen.init(args, domain_id=domain_id)
    if signal_handler_options:
        install_signal_handlers(signal_handler_options)


def get_global_executor() -> Executor:
    """The executor that the spin functions use where none is given."""
    if not _global_executor:
        _global_executor.append(SingleThreadedExecutor())

        def reset() -> None:
            if _global_executor:
                _global_executor.pop().shutdown(0)

        get_default_context().on_shutdown(reset)
    return _global_executor[0]


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Leave the graph; raises where that has been done."""
    default = context is None or context is get_default_context()
    _shutdown(context=context)
    if uninstall_handlers or (uninstall_handlers is None and default):
        uninstall_signal_handlers()


def create_node(
    node_name: str,
    *,
    context: Context | None = None,
    cli_args: list[str] | None = None,
    namespace: str | None = None,
    use_global_arguments: bool = True,
    enable_rosout: bool = True,
    start_parameter_services: bool = True,
    parameter_overrides: list[Parameter] | None = None,
    allow_undeclared_parameters: bool = False,
    automatically_declare_parameters_from_overrides: bool = False,
    enable_logger_service: bool = False,
) -> Node:
    """A Node."""
    return Node(
        node_name,
        context=context,
        cli_args=cli_args,
        namespace=namespace,
        use_global_arguments=use_global_arguments,
        enable_rosout=enable_rosout,
        start_parameter_services=start_parameter_services,
        parameter_overrides=parameter_overrides,
        allow_undeclared_parameters=allow_undeclared_parameters,
        automatically_declare_parameters_from_overrides=(
            automatically_declare_parameters_from_overrides
        ),
        enable_logger_service=enable_logger_service,
    )


def spin_once(
    node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    """Run one callback, once one is ready; wait for timeout_sec at most."""
    chosen = get_global_executor() if executor is None else executor
    try:
        chosen.add_node(node)
        chosen.spin_once(timeout_sec=timeout_sec)
    finally:
        chosen.remove_node(node)


def spin(node: Node, executor: Executor | None = None) -> None:
    """Run callbacks until the context is shut down."""
    chosen = get_global_executor() if executor is None else executor
    try:
        chosen.add_node(node)
        while chosen.context.ok():
            chosen.spin_once()
    finally:
        chosen.remove_node(node)


def spin_until_future_complete(
    node: Node,
    future: Future,
    executor: Executor | None = None,
    timeout_sec: float | None = None,
) -> None:
    """Run callbacks until the future is done, or for timeout_sec."""
    chosen = get_global_executor() if executor is None else executor
    added = False
    try:
        added = chosen.add_node(node)
        chosen.spin_until_future_complete(future, timeout_sec)
    finally:
        if added:
            chosen.remove_node(node)
