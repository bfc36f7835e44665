# SPDX-License-Identifier: Apache-2.0
"""Parameter values as rcl reads them from YAML, which is not quite as YAML says (rcl 9.2).

What is not quoted is a bool, an int or a float where rcl's C library calls take it for one, and a
string else: `y` and `on` are True, `12:30` and `null` strings, `010` is 8 and `inf` a float.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_WORDS = {
    **dict.fromkeys(
        ("Y", "y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("N", "n", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
}
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_HEX_FLOAT = re.compile(
    r"[-+]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][-+]?[0-9]+)?"
)
_NO_NUMBER = re.compile(r"[-+]?(?:\.?inf|infinity|\.?nan)", re.IGNORECASE)
_STRING_TAG = "tag:yaml.org,2002:str"


class ParameterYamlError(ValueError):
    """rcl would not take it; the sentence says why and in which line."""


class _Loader(yaml.BaseLoader):
    """Without YAML's own idea of what is a number, and without aliases."""

    def resolve(self, *_: Any) -> str:
        """No tag but one that is written there."""
        return ""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node.

        Raises:
            ParameterYamlError: it is an alias.

        """
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise ParameterYamlError(f"Will not support aliasing at line {line}")
        return super().compose_node(parent, index)  # type: ignore[no-untyped-call]


def compose(text: str) -> yaml.Node | None:
    """The tree of a document, None of an empty one.

    Raises:
        ParameterYamlError: an alias.
        yaml.YAMLError: it is no YAML.

    """
    node: yaml.Node | None = yaml.compose(text, _Loader)  # type: ignore[arg-type]
    return node


def value_of(node: yaml.Node | None) -> Any:
    """The bool, int, float or str of a scalar, or the list of one kind of a sequence.

    Raises:
        ParameterYamlError: no value, a mapping, a sequence in a sequence or of several kinds.

    """
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if not isinstance(node, yaml.SequenceNode):
        line = 1 if node is None else node.start_mark.line + 1
        raise ParameterYamlError(f"No value at line {line}")
    values = []
    for each in node.value:
        if not isinstance(each, yaml.ScalarNode):
            raise ParameterYamlError(f"No value at line {each.start_mark.line + 1}")
        values.append(_scalar(each))
        if type(values[-1]) is not type(values[0]):
            raise ParameterYamlError(
                f"Sequence should be of same type. Value {each.value!r} does not belong at line "
                f"{each.start_mark.line + 1}"
            )
    return values


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style in ("'", '"') or node.tag == _STRING_TAG:
        return text
    if not text:
        raise ParameterYamlError(f"No value at line {node.start_mark.line + 1}")
    if text in _WORDS:
        return _WORDS[text]
    number = _integer(text) if _INT.fullmatch(text) else None
    real = _float(text) if number is None else None
    return next((each for each in (number, real) if each is not None), text)


def _integer(text: str) -> int | None:
    digits = text.lstrip("+-")
    octal = digits.startswith("0") and digits.isdigit()
    number = int(digits, 8 if octal else 0) * (-1 if text.startswith("-") else 1)
    return number if -(2**63) <= number < 2**63 else None


def _float(text: str) -> float | None:
    if _NO_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    if _HEX_FLOAT.fullmatch(text):
        return float.fromhex(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return None if math.isinf(number) else number
    return None
