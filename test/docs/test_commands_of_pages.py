# SPDX-License-Identifier: Apache-2.0
"""Every command of a page is one that there is, with the options that it names.

The tutorial's commands are run by test/replay/test_tutorial.py, those of docs/own_robot.md by
test/nodes, the README's by whoever runs these tests. The others would need robots and hours: their
arguments are read by the parsers that read them when they run.
"""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from pam_ros import cli
from pam_ros.nodes.kit.run import NODES
from pam_ros.share.commands import Parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SAID = re.compile(r"pam_ros( \w+){0,2}: ")
"""What a command printed."""
ENDS = {"|", ">", "&&", "&", ";", "2>&1"}


class Read(Exception):  # noqa: N818
    """The arguments of a command were read."""


class Wrong(Exception):  # noqa: N818
    """A parser does not take them."""


def words_of(command):
    """The words of a shell command up to a pipe or a remark, without the brackets of options."""
    words = shlex.split(re.sub(r"  .*|[][]", "", command), comments=True)
    last = next((number for number, word in enumerate(words) if word in ENDS), len(words))
    return tuple(words[:last])


def blocks(text):
    """The lines of indented and fenced code, continued ones as one."""
    text = re.sub(r"\\\n\s*", " ", text)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
    indented = re.findall(r"^ {4,}(\S.*)$", text, re.M)
    return [line.strip() for line in [*"\n".join(fenced).splitlines(), *indented]]


def commands(start, inline=False):
    """Of all pages: the words of each command that starts so, once, with its page."""
    found = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = re.findall(r"`([^`]+)`", text.replace("\n", " ")) if inline else blocks(text)
        for line in lines:
            if line.startswith(start) and not SAID.match(line):
                found.setdefault(words_of(line)[len(start.split()) :], page.name)
    return [
        pytest.param(words, id=f"{page}: {' '.join(words)[:60]}") for words, page in found.items()
    ]


@pytest.fixture
def parsers(monkeypatch):
    """Parsers that read the arguments and go no further."""
    parse = Parser.parse_args

    def read(self, *arguments, **named):
        raise Read(parse(self, *arguments, **named))

    def wrong(self, message):
        raise Wrong(message, self)

    monkeypatch.setattr(Parser, "parse_args", read)
    monkeypatch.setattr(Parser, "error", wrong)


@pytest.mark.parametrize("words", commands("pam_ros "))
def test_a_command_of_a_block_is_read(words, parsers):
    if words[:1] == ("run",):
        assert words[1] in NODES
        return
    with pytest.raises(Read):
        cli.main(words)


@pytest.mark.parametrize("words", commands("pam_ros ", inline=True))
def test_a_command_in_a_sentence_has_these_options(words, parsers):
    """A sentence may leave out what is required."""
    words = [word for word in words if word not in {"...", "--help", "--version"}]
    if not words or words[0] == "run":
        assert not words[1:] or words[1] in {*NODES, "NODE"}
        return
    assert words[0] in cli.JOBS
    try:
        cli.main(words)
    except Read:
        return
    except Wrong as error:
        message, parser = error.args
        assert "required" in message or "expected" in message, message
        named = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert named <= parser._options(), message


@pytest.mark.parametrize("words", commands("make "))
def test_a_target_is_in_the_makefile(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, given, _ = word.partition("=")
        assert re.search(rf"^{name} \?=" if given else rf"^{name}:", makefile, re.M), word


@pytest.mark.parametrize("words", commands("python -m "))
def test_a_module_is_there(words):
    assert importlib.util.find_spec(words[0]) is not None


@pytest.mark.parametrize("words", commands("ros2 launch pam_ros "))
def test_a_launch_file_has_these_arguments(words):
    text = (ROOT / "launch" / words[0]).read_text(encoding="utf-8")
    for word in words[1:]:
        assert f'"{word.partition(":=")[0]}"' in text, word


@pytest.mark.parametrize("words", commands("ros2 run pam_ros "))
def test_an_executable_is_installed(words):
    assert words[0] in NODES
