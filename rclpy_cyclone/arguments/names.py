# SPDX-License-Identifier: Apache-2.0
"""Names of nodes, namespaces, topics and services: validation, expansion, demangling."""

from __future__ import annotations

import re

from rclpy_cyclone.errors.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidParameterException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)

TOPIC_SEPARATOR_STRING = "/"
HIDDEN_TOPIC_PREFIX = "_"
_MAX_NAME = 255
_SUBSTITUTION = re.compile(r"\{(\w*)\}")

Problem = tuple[str, int]


def _node_name_problem(name: str) -> Problem | None:
    if not name:
        return "node name must not be empty", 0
    for index, char in enumerate(name):
        if not (char.isascii() and (char.isalnum() or char == "_")):
            return (
                "node name must not contain characters other than alphanumerics or '_'",
                index,
            )
    if name[0].isdigit():
        return "node name must not start with a number", 0
    if len(name) > _MAX_NAME:
        return "node name length should not exceed '255'", _MAX_NAME - 1
    return None


def _tokens_problem(name: str, what: str) -> Problem | None:
    """What topic names and namespaces forbid alike."""
    for index, char in enumerate(name):
        following = name[index + 1 : index + 2]
        if char == "/" and following == "/":
            return f"{what} must not contain repeated '/'", index + 1
        if char == "/" and following.isdigit():
            return f"{what} must not have a token that starts with a number", index + 1
    return None


def _full_name_problem(name: str, what: str) -> Problem | None:
    if not name:
        return f"{what} must not be empty", 0
    if name[0] != "/":
        return f"{what} must be absolute, it must lead with a '/'", 0
    if len(name) > 1 and name.endswith("/"):
        return f"{what} must not end with a '/'", len(name) - 1
    for index, char in enumerate(name):
        if not (char.isascii() and (char.isalnum() or char in "_/")):
            return (
                f"{what} must not contain characters other than alphanumerics, '_', or '/'",
                index,
            )
    return _tokens_problem(name, what)


def _topic_name_problem(name: str) -> Problem | None:
    if not name:
        return "topic name must not be empty string", 0
    if name[0].isdigit():
        return "topic name token must not start with a number", 0
    if name.endswith("/"):
        return "topic name must not end with a forward slash", len(name) - 1
    depth = 0
    for index, char in enumerate(name):
        if char == "~":
            if index != 0:
                return "topic name must not have tilde '~' unless it is the first character", index
        elif char == "{":
            depth += 1
        elif char == "}":
            if depth == 0:
                return "topic name has unbalanced (curly) brackets '{}'", index
            depth -= 1
        elif char == "/":
            if depth:
                return (
                    "substitution name must not contain characters other than alphanumerics or '_'",
                    index,
                )
            if name[index + 1 : index + 2].isdigit():
                return "topic name token must not start with a number", index + 1
        elif not (char.isascii() and (char.isalnum() or char == "_")):
            allowed = "alphanumerics, '_', '~', '{', or '}'"
            return f"topic name must not contain characters other than {allowed}", index
    if depth:
        return "topic name has unbalanced (curly) brackets '{}'", name.rindex("{")
    if "//" in name:
        return "topic name must not contain repeated '/'", name.index("//") + 1
    return None


def validate_node_name(node_name: str) -> bool:
    """Raise InvalidNodeNameException unless the name is valid."""
    problem = _node_name_problem(node_name)
    if problem:
        raise InvalidNodeNameException(node_name, *problem)
    return True


def validate_namespace(namespace: str) -> bool:
    """Raise InvalidNamespaceException unless the namespace is valid."""
    problem = _full_name_problem(namespace, "namespace")
    if problem:
        raise InvalidNamespaceException(namespace, *problem)
    return True


def validate_topic_name(name: str, *, is_service: bool = False) -> bool:
    """Raise unless the name, before expansion, is valid."""
    problem = _topic_name_problem(name)
    if problem:
        raise (InvalidServiceNameException if is_service else InvalidTopicNameException)(
            name, *problem
        )
    return True


def validate_full_topic_name(name: str, *, is_service: bool = False) -> bool:
    """Raise unless the expanded name is valid."""
    problem = _full_name_problem(name, "topic name")
    if problem:
        raise (InvalidServiceNameException if is_service else InvalidTopicNameException)(
            name, *problem
        )
    return True


def validate_parameter_name(name: str) -> bool:
    """Raise InvalidParameterException where the name is empty."""
    if not name:
        raise InvalidParameterException(name)
    return True


def expand_topic_name(topic_name: str, node_name: str, node_namespace: str) -> str:
    """The absolute name for "x", "~/x", "/x" and {node}, {ns}, {namespace} within it.

    Raises:
        ValueError: the name is not valid, or a substitution is unknown.

    """
    problems = {
        f"topic name '{topic_name}'": _topic_name_problem(topic_name),
        f"node name '{node_name}'": _node_name_problem(node_name),
        f"namespace '{node_namespace}'": _full_name_problem(node_namespace, "namespace"),
    }
    for what, problem in problems.items():
        if problem:
            raise ValueError(f"{what} is invalid: {problem[0]}")
    namespace = node_namespace.rstrip("/")
    name = topic_name
    if name.startswith("~"):
        name = f"{namespace}/{node_name}{name[1:]}"
    values = {"node": node_name, "ns": node_namespace, "namespace": node_namespace}

    def substitute(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise ValueError(
                f"topic name '{topic_name}' is invalid: unknown substitution: {match.group(0)}"
            )
        return values[match.group(1)]

    name = _SUBSTITUTION.sub(substitute, name)
    if not name.startswith("/"):
        name = f"{namespace}/{name}"
    return name


def topic_or_service_is_hidden(name: str) -> bool:
    """Whether a part of the name starts with an underscore."""
    return any(part.startswith(HIDDEN_TOPIC_PREFIX) for part in name.split("/") if part)


def qualified(namespace: str, name: str) -> str:
    """A node's full name."""
    return f"{namespace.rstrip('/')}/{name}"
