# SPDX-License-Identifier: Apache-2.0
"""Parsers of the command line: options in full, and near words for a mistyped one."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'replay'?`` for the word that is closest, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that takes no abbreviations, so that a new option breaks no script.

    Parsers of its sub-commands are of this class too.
    """

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **{"allow_abbrev": False, **named})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, with the nearest option or sub-command, and end with status 2."""
        _, said, unknown = message.partition("unrecognized arguments: ")
        if said:
            words = [word.partition("=")[0] for word in unknown.split() if word.startswith("-")]
            hints = (near(word, self._options()) for word in words)
            message += next((hint for hint in hints if hint), "")
        _, said, choice = message.partition("invalid choice: ")
        if said:
            word = choice.partition(" (")[0].strip("'\"")
            names = choice.partition("choose from ")[2].rstrip(")").split(",")
            message += near(word, [name.strip(" '\"") for name in names])
        super().error(message)

    def _options(self) -> set[str]:
        """All options, those of sub-commands as well: the error is told to the outermost parser."""
        found = set(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  (no public way)
                for parser in action.choices.values():
                    found |= set(parser._option_string_actions)  # noqa: SLF001
        return found
