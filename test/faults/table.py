# SPDX-License-Identifier: Apache-2.0
"""The fault table and the page around it, from what the runs have left as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .trial import Outcome

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "faults.md"
FAULTS, ROS2, HOLDING = "faults.json", "faults_ros2.json", "holding.json"


def line(outcome: Outcome) -> str:
    """What a person reads while it runs."""
    word = "passed" if outcome.passed else "FAILED"
    text = f"{word}  {outcome.name}: {outcome.said or 'no reason seen'}"
    for problem in (*outcome.problems, *outcome.breaches):
        text += f"\n        {problem}"
    return text


def write_page() -> None:
    """docs/faults.md from the results that there are."""
    PAGE.write_text(page(_read(FAULTS), _read(HOLDING), _read(ROS2)))


def write_ros2_run(record: Mapping[str, Any]) -> None:
    """Keep a run on a real ROS 2 in place of its middleware's last one, and write the page."""
    runs = {run["rmw"]: run for run in (_read(ROS2) or {"runs": []})["runs"]}
    runs[record["rmw"]] = record
    kept = {"runs": [runs[rmw] for rmw in sorted(runs)]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / ROS2).write_text(json.dumps(kept, indent=1) + "\n")
    write_page()


def _read(name: str) -> dict[str, Any] | None:
    file = RESULTS / name
    return json.loads(file.read_text()) if file.is_file() else None


def page(
    faults: Mapping[str, Any] | None,
    holding: Mapping[str, Any] | None,
    ros2: Mapping[str, Any] | None = None,
) -> str:
    """The page as markdown."""
    parts = [_INTRODUCTION]
    if faults is not None:
        parts.append("\n".join(_table(faults)))
    if ros2 is not None:
        parts.append("\n".join(_ros2(ros2)))
    if holding is not None:
        parts.append("\n".join(_holding(holding)))
    parts.append(_NOT_COVERED)
    return "\n".join(parts)


def _table(faults: Mapping[str, Any]) -> list[str]:
    rows: Sequence[Mapping[str, Any]] = faults["rows"]
    passed = sum(row["passed"] for row in rows)
    titles = "fault | what is done | the arm | commands | moves again after"
    lines = [
        f"## {passed} of {len(rows)} rows passed",
        "",
        f"One run of {faults['seconds']} s. Commands: those published from the fault until the arm",
        "moved again, all of them within the limits unless the row says otherwise.",
        "",
        f"| {titles} | the reason, as it was visible | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        back = "" if row["back_s"] is None else f"{row['back_s']:.1f} s"
        wrong = "; ".join((*row["problems"], *row["breaches"]))
        verdict = "passed" if row["passed"] else f"**failed**: {_cell(wrong)}"
        lines.append(
            f"| {row['name']} | {row['how']} | {row['expected']} | {row['commands']} | {back} | "
            f"{_cell(row['said'])} | {verdict} |"
        )
    return [*lines, ""]


def _ros2(ros2: Mapping[str, Any]) -> list[str]:
    lines = [_ROS2]
    for run in ros2["runs"]:
        passed = sum(row["passed"] for row in run["rows"])
        failed = "; ".join(
            f"{row['name']}: {_cell('; '.join((*row['problems'], *row['breaches'])))}"
            for row in run["rows"]
            if not row["passed"]
        )
        lines.append(
            f"| {run['distribution'].capitalize()} | {run['rmw']} | {passed} of "
            f"{len(run['rows'])} | {run['seconds']} | {failed or 'none'} |"
        )
    return [*lines, ""]


def _holding(holding: Mapping[str, Any]) -> list[str]:
    lines = [_HOLDING.format(processors=holding["processors"], load=holding["load"])]
    for row in holding["rows"]:
        repeats = len(row["ms"])
        times = f"{row['median_ms']:.0f} | {row['longest_ms']:.0f}"
        lines.append(f"| {row['name']} | {repeats} | {times} | {row['within']} of {repeats} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


_INTRODUCTION = """# What goes wrong on robots, done to the real node

`make faults` writes this page. It starts the attention node as a process, on the embedded runtime,
with a small policy and a robot. The robot's messages can be spoiled on their way out. Four things
are asked of every row:

- no published command was outside the position limits, further from the last one than a step or
  the speed allows, or not a number;
- the node is alive, or is started again, and the arm moves again once the fault is over: by
  itself where something was late or missing, after `~/enable` where something was broken;
- while the fault lasts the arm is held at one position, or goes on where nothing is wrong with
  its commands;
- the reason can be read in `/diagnostics` or in the log.

Rows of one group disturb one and the same process, one after the other. Some have a robot of two
parts (`test/faults/rows_parts.py`): two arms, or an arm and what is commanded by velocity, effort
or twist. When such a part is held, it is commanded to 0, and that is asked too. In the rows with
a policy that misbehaves, or a wall clock that jumps, the node is the real one. Its policy and its
clock do as a file wishes (`test/faults/misbehaving_node.py`); nothing in the package knows of it.
The last three rows kill the demo's own processes.
"""
_ROS2 = """## The same rows on a real ROS 2

`python test/faults --runtime rclpy --write` builds this package for the ROS 2 that it finds;
`--setup FILE` or `PAM_ROS_ROS2_SETUP` name its setup.bash. It runs every row with each of that ROS
2's middlewares (`--rmw NAME` for one). The node under test, its guard, the robot and whoever
watches are all on that ROS 2's rclpy.

| ROS 2 | middleware | rows passed | seconds | failed |
| --- | --- | --- | --- | --- |"""
_HOLDING = """## How soon the arm is held, with two busy processes beside it

![From the last command of the policy to the first one that holds](images/holding.svg)

{processors} processors, on which two processes do nothing but count, at the node's own priority;
the load average at the end was {load}. The time in each repeat is from the last command that the
policy made to the first one that holds, by the stamps of both. A period is 100 ms. Written by
`python test/faults holding --write`.

| what stops the ticks | repeats | median [ms] | longest [ms] | within two periods |
| --- | --- | --- | --- | --- |"""
_NOT_COVERED = """## What this does not show

- Bytes that are not a message of their type cannot be sent through Cyclone DDS, which checks them
  at the sender. What the decoder makes of them is fuzzed ([fuzzing.md](fuzzing.md)).
- After kill -9 of the node nobody commands, and what the arm then does is its driver's matter:
  the demo's robot holds the pose that it has after half a second without a command
  (`pam_ros/sim/world.py`, and its test). Ask the same of a real driver.
- A wall clock that jumps does so for the node, not for the middleware under it.
- The rows run on one machine. A slow or lossy network is not among them.
"""
