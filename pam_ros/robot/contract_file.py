# SPDX-License-Identifier: Apache-2.0
"""Contract files: YAML to a validated Contract, with every problem of the file in one error."""

from __future__ import annotations

from pathlib import Path

from pam_ros.robot.camera_file import read_cameras
from pam_ros.robot.contract import (
    MAX_AGE_S,
    SYNC_TOLERANCE_S,
    Contract,
    EnvironmentContract,
    contract_error,
)
from pam_ros.robot.part_file import read_command, read_state
from pam_ros.robot.section import Section, load_yaml, read_stamping, read_topic, suggestion

_ENVIRONMENT_FEATURE = "observation.environment_state"


def load_contract(path: str | Path) -> Contract:
    """Reads and validates a contract file.

    Raises:
        ContractError: the file cannot be read, or is wrong; lists every problem.
    """
    path = Path(path)
    return parse_contract(load_yaml(path), str(path), path.parent)


def parse_contract(data: object, name: str, folder: Path | None = None) -> Contract:
    """A contract from parsed YAML.

    Args:
        data: the parsed YAML; it is not changed.
        name: stands for the file in messages.
        folder: where files are that it names; None: the working folder.

    Raises:
        ContractError: it is wrong; lists every problem.
    """
    problems: list[str] = []
    root = Section(data, "", problems)
    contract = _read_contract(root, folder) if root.data else None
    if contract is None or problems:
        empty = "the file is empty; it needs robot, rate_hz, cameras, state and command"
        problems = list(dict.fromkeys(problems)) or [empty]
        raise contract_error(f"contract {name} has {_count(problems)}", problems)
    return contract


def _read_contract(root: Section, folder: Path | None) -> Contract:
    rate_hz = root.number("rate_hz", required=True, above=0, maximum=1000)
    tolerance = root.number("sync_tolerance_s", minimum=0, maximum=10)
    max_age = root.number("max_age_s", above=0, maximum=60)
    contract = Contract(
        robot=root.text("robot", required=True) or "",
        rate_hz=rate_hz or 1.0,
        cameras=read_cameras(root),
        state=(state := read_state(root, folder)),
        command=read_command(root, state, folder),
        environment=_read_environment(root),
        trigger=root.text("trigger"),
        sync_tolerance_s=SYNC_TOLERANCE_S if tolerance is None else tolerance,
        max_age_s=MAX_AGE_S if max_age is None else max_age,
        units_confirmed=root.switch("units_confirmed") or False,
        instruction=root.text("instruction") or "",
    )
    root.finish()
    names = [camera.name for camera in contract.cameras]
    if contract.trigger is not None and contract.trigger not in names:
        root.problem(
            "trigger",
            f"is '{contract.trigger}', which is no camera of this file ({', '.join(names)})"
            f"{suggestion(contract.trigger, names)}",
        )
    if contract.sync_tolerance_s > contract.max_age_s:
        root.problem("sync_tolerance_s", "is larger than max_age_s; it must be smaller")
    return contract


def _read_environment(root: Section) -> EnvironmentContract | None:
    section = root.section("environment")
    if section is None:
        return None
    feature = section.text("feature") or _ENVIRONMENT_FEATURE
    topic = read_topic(section)
    stamping = read_stamping(section, topic, has_header=False)
    environment = EnvironmentContract(topic, feature, stamping)
    section.finish()
    return environment


def _count(problems: list[str]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
