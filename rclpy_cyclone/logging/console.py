# SPDX-License-Identifier: Apache-2.0
"""Log lines on stderr or stdout, as rcutils' environment variables want them."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from functools import lru_cache

_COLOURS = {10: "\033[32m", 20: "\033[0m", 30: "\033[33m", 40: "\033[31m", 50: "\033[31m"}
_DEFAULT_FORMAT = "[{severity}] [{time}] [{name}]: {message}"
_SWITCHES = {
    "RCUTILS_LOGGING_USE_STDOUT": "use stderr, use stdout",
    "RCUTILS_LOGGING_BUFFERED_STREAM": "not buffered, buffered",
    "RCUTILS_COLORIZED_OUTPUT": "no colours, colours",
}
_ESCAPES = {"a": "\a", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "x1b": "\x1b"}
_TOKENS = re.compile(
    r"\{(severity|name|message|function_name|file_name|line_number|time|time_as_nanoseconds"
    r"|date_time_with_ms)\}"
)
_lock = threading.Lock()


def check_environment() -> None:
    """Refuse what rcutils does not understand.

    Raises:
        RuntimeError: a variable is neither 0 nor 1.

    """
    for name, meanings in _SWITCHES.items():
        value = os.environ.get(name, "")
        if value not in ("", "0", "1"):
            zero, one = meanings.split(", ")
            raise RuntimeError(
                f"error initializing logging: unexpected value [{value}] specified for {name}. "
                f"Valid values are 0 ({zero}) or 1 ({one})."
            )


@lru_cache(maxsize=8)
def _unescaped(text: str) -> str:
    """A format with its escapes replaced; any other backslash stays, with what follows it."""
    return re.sub(r"\\(x1b|.)", lambda m: _ESCAPES.get(m[1], m[0]), text, flags=re.DOTALL)


def _date(ns: int) -> str:
    seconds, rest = divmod(ns, 10**9)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))}.{rest // 10**6:03d}"


def write_line(
    severity: int, label: str, name: str, message: str, where: tuple[str, str, int], ns: int
) -> None:
    """Write one message of a logger; ns: the time since 1970, where: function, file, line."""
    function, file, line = where
    values = {
        "severity": label, "name": name, "message": message, "function_name": function,
        "file_name": file, "line_number": str(line), "time_as_nanoseconds": str(ns),
        "time": f"{ns // 10**9}.{ns % 10**9:09d}",
    }  # fmt: skip
    wanted = _unescaped(os.environ.get("RCUTILS_CONSOLE_OUTPUT_FORMAT") or _DEFAULT_FORMAT)
    text = _TOKENS.sub(lambda m: values[m[1]] if m[1] in values else _date(ns), wanted)
    stream = sys.stdout if os.environ.get("RCUTILS_LOGGING_USE_STDOUT") == "1" else sys.stderr
    colour = os.environ.get("RCUTILS_COLORIZED_OUTPUT")
    if colour == "1" or (colour != "0" and stream is not None and stream.isatty()):
        text = f"{_COLOURS[severity]}{text}\033[0m"
    if stream is not None:
        with _lock:
            stream.write(text + "\n")
            stream.flush()
