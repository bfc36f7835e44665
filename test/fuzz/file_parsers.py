# SPDX-License-Identifier: Apache-2.0
"""What parses files that others wrote."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import TYPE_CHECKING

from .places import (
    CORPUS,
    good_contract,
    good_folder,
    install_messages,
    one_of_files,
    refused,
    remove,
    replace_node,
    scratch_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Parse = Callable[[bytes], None]


def contract_yaml() -> Parse:
    """A contract as text."""
    from pam_ros.robot import ContractError  # noqa: PLC0415
    from pam_ros.robot.contract_file import parse_contract  # noqa: PLC0415
    from pam_ros.robot.section import parse_yaml  # noqa: PLC0415

    def parse(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return
        try:
            parse_contract(parse_yaml(text, "contract"), "contract")
        except ContractError:
            return

    return parse


def contract_fields() -> Parse:
    """The checks behind the YAML, reached by JSON, whose parser is quicker."""
    from pam_ros.robot import ContractError  # noqa: PLC0415
    from pam_ros.robot.contract_file import parse_contract  # noqa: PLC0415

    whole = json.loads((CORPUS / "contract_fields" / "whole.json").read_text())

    def parse(data: bytes) -> None:
        """A JSON value at a place of a whole contract, or a contract of its own."""
        if not data:
            return
        try:
            value = json.loads(data[1:])
        except (ValueError, RecursionError):
            return
        content = replace_node(whole, data[0], value) if data[0] < 128 else value
        try:
            parse_contract(content, "contract")
        except ContractError:
            return

    return parse


def urdf() -> Parse:
    """A robot description, and the limits it gives to a contract."""
    import math  # noqa: PLC0415

    from pam_ros.robot.errors import ContractError  # noqa: PLC0415
    from pam_ros.robot.urdf import read_urdf, with_limits  # noqa: PLC0415

    contract = good_contract()

    def parse(data: bytes) -> None:
        try:
            completed = with_limits(contract, read_urdf(data.decode("utf-8", "replace")))
        except ContractError:
            return
        for joint in completed.command.joints:
            low, high = joint.limits or (math.nan, math.nan)
            if not low < high:
                raise AssertionError(f"limits {low} to {high} were taken")

    return parse


def checkpoint() -> Parse:
    """A policy's JSON files and the header of its weights."""
    import logging  # noqa: PLC0415

    from pam_ros.policy.act.lerobot import build_model, parse_config  # noqa: PLC0415
    from pam_ros.policy.checkpoint import open_checkpoint, read_pipelines  # noqa: PLC0415
    from pam_ros.policy.interface import PolicyError  # noqa: PLC0415

    logging.getLogger("pam_ros.policy.act.lerobot").setLevel(logging.CRITICAL)
    folder = good_folder("checkpoint")
    files = ("config.json", "policy_preprocessor.json", "model.safetensors")
    whole = {name: (folder / name).read_bytes() for name in files}
    count = itertools.count()

    def parse(data: bytes) -> None:
        """One of the three files, as a whole or with one JSON value replaced."""
        if len(data) < 2:
            return
        name = files[data[0] % 3]
        content = data[2:]
        if data[0] & 64 and name != "model.safetensors":
            try:
                value = json.loads(content)
            except (ValueError, RecursionError):
                return
            content = json.dumps(replace_node(json.loads(whole[name]), data[1], value)).encode()
        (folder / name).write_bytes(content)
        try:
            checkpoint = open_checkpoint(folder, None)
            read_pipelines(checkpoint)
            config = parse_config(checkpoint.name, checkpoint.config, "cpu")
            # A network without memory; it takes most of the time, so not of every good one.
            if data[0] & 64 or next(count) % 64 == 0:
                build_model(checkpoint.name, config)
        except PolicyError:
            pass
        finally:
            (folder / name).write_bytes(whole[name])

    return parse


def sae() -> Parse:
    """A sparse autoencoder's folder."""
    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.errors import SaeError  # noqa: PLC0415

    return one_of_files("sae", ("cfg.json", "sae_weights.safetensors"), load_sae, SaeError)


def token_store() -> Parse:
    """A token store's folder."""
    from pam_ros.sae.errors import SaeError  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    def read(folder: Path) -> None:
        store = TokenStore(folder)
        store.check()
        for index in range(min(len(store.shards), 4)):
            store.read(index)

    return one_of_files("token_store", ("manifest.json", "shard-00000.safetensors"), read, SaeError)


def bag(storage: str) -> Callable[[], Parse]:
    """A bag of this storage, read and repaired."""

    def make() -> Parse:
        install_messages()
        from pam_ros.bags import BagError, BagReader, repair  # noqa: PLC0415

        folder = scratch_folder()
        file = folder / f"bag.{'mcap' if storage == 'mcap' else 'db3'}"

        def parse(data: bytes) -> None:
            """The first byte says whether the bag is repaired first; it is read either way."""
            if not data:
                return
            file.write_bytes(data[1:])
            try:
                if data[0] & 1:
                    repair(file)
                with BagReader(file) as reader:
                    for message in reader.messages():
                        with contextlib.suppress(BagError):
                            reader.decode(message)
            except BagError:
                # What was repaired can be read.
                if data[0] & 1 and not refused(repair, file, BagError):
                    raise AssertionError("a repaired bag cannot be read") from None
            finally:
                for left in folder.iterdir():
                    remove(left)

        return parse

    return make


def bag_metadata() -> Parse:
    """A bag's metadata.yaml."""
    install_messages()
    from pam_ros.bags import BagError, BagReader  # noqa: PLC0415

    def read(folder: Path) -> None:
        with BagReader(folder) as reader:
            for message in reader.messages():
                reader.decode(message)

    return one_of_files("bag", ("metadata.yaml",), read, BagError)
