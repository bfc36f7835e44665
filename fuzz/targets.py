# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: everything that parses what others send.

A target is made in the process that fuzzes, and then called with bytes. It returns where the parser
took them or refused them with its room's own exception; any other exception is a finding. Folders
are made in memory, on /dev/shm where there is one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Parse = Callable[[bytes], None]

ROOT = Path(__file__).parents[1]
CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """A parser under test.

    make: imports what is needed and returns the function to call; only it is timed. runs: inputs
    of a recorded run, at least. longest: bytes of an input, at most. instrument: modules whose
    branches guide the search.
    """

    name: str
    what: str
    make: Callable[[], Parse]
    runs: int
    longest: int
    instrument: tuple[str, ...]


_CDR_TYPES = (
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/CompressedImage",
    "std_msgs/msg/Float64MultiArray",
    "diagnostic_msgs/msg/DiagnosticArray",
    "trajectory_msgs/msg/JointTrajectory",
    "rosgraph_msgs/msg/Clock",
    "rcl_interfaces/srv/SetParameters_Request",
    "pam_ros/msg/AttentionMap",
    "pam_ros/msg/TokenActivations",
)


def _cdr() -> Parse:
    from fuzz.instrumentation import instrument_function  # noqa: PLC0415

    _install()
    from pam_ros.embedded.cdr import CdrError, Codec  # noqa: PLC0415
    from pam_ros.embedded.messages import message_class  # noqa: PLC0415

    codecs = [Codec(name, message_class) for name in _CDR_TYPES]
    for codec in codecs:
        for order in (b"\0\1\0\0", b"\0\0\0\0"):
            with contextlib.suppress(CdrError):
                codec.decode(order)
        # Generated code, which no import hook sees.
        for name, function in codec._decoders.items():  # noqa: SLF001
            codec._decoders[name] = instrument_function(function)  # noqa: SLF001

    def parse(data: bytes) -> None:
        if not data:
            return
        codec = codecs[data[0] % len(codecs)]
        try:
            message = codec.decode(data[1:])
        except CdrError:
            return
        # What was taken can be sent again.
        codec.encode(message)

    return parse


def _image() -> Parse:
    from pam_ros.robot.errors import MessageError  # noqa: PLC0415
    from pam_ros.robot.images import ENCODINGS, image_to_rgb  # noqa: PLC0415

    encodings = (*ENCODINGS, "", "8UC3", "16UC1", "RGB8")

    def parse(data: bytes) -> None:
        """Eight bytes of sizes and encoding, then pixels."""
        head, pixels = data[:8].ljust(8, b"\0"), data[8:]
        width, height, step = head[0] | head[7] << 20, head[1] | (head[7] & 1) << 31, head[2]
        if head[3] & 1:
            # Sizes that agree are rare otherwise.
            step = width * ENCODINGS.get(encodings[head[4] % len(encodings)], 1) + head[5] % 3
            height = len(pixels) // step if step else height
            pixels = pixels[: height * step]
        message = SimpleNamespace(
            height=height,
            width=width,
            step=step,
            encoding=encodings[head[4] % len(encodings)],
            is_bigendian=head[6] & 2,
            data=pixels,
        )
        try:
            rgb = image_to_rgb(message, "rgb8" if head[6] & 1 else None)
        except MessageError:
            return
        if rgb.shape != (height, width, 3):
            raise AssertionError(f"a picture of {height}x{width} became one of {rgb.shape}")

    return parse


def _compressed_image() -> Parse:
    from pam_ros.robot.errors import MessageError  # noqa: PLC0415
    from pam_ros.robot.image_file import MAX_PIXELS  # noqa: PLC0415
    from pam_ros.robot.images import compressed_to_rgb  # noqa: PLC0415

    formats = ("jpeg", "rgb8; jpeg compressed ", "bayer_rggb8; png compressed ", "mono16; png")

    def parse(data: bytes) -> None:
        form = formats[sum(data[-8:]) % len(formats)]
        try:
            rgb = compressed_to_rgb(SimpleNamespace(format=form, data=data))
        except MessageError:
            return
        if rgb.shape[0] * rgb.shape[1] > MAX_PIXELS:
            raise AssertionError(f"a picture of {rgb.shape} was taken")

    return parse


def _joints() -> Parse:
    _install()
    import numpy as np  # noqa: PLC0415

    from pam_ros.embedded.cdr import CdrError, Codec  # noqa: PLC0415
    from pam_ros.embedded.messages import message_class  # noqa: PLC0415
    from pam_ros.robot import MessageError, joint_positions  # noqa: PLC0415
    from pam_ros.robot.joints import joint_vector, multi_array_vector  # noqa: PLC0415

    codec = Codec("sensor_msgs/msg/JointState", message_class)
    joints = _contract().command.joints

    def parse(data: bytes) -> None:
        try:
            message = codec.decode(data)
        except CdrError:
            return
        for read in (joint_positions, joint_vector):
            try:
                values = read(message, joints)
            except MessageError:
                continue
            if values.shape != (len(joints),) or not np.isfinite(values).all():
                raise AssertionError(f"{message} became {values}")
        try:
            multi_array_vector(SimpleNamespace(data=message.velocity), 2)
        except MessageError:
            return

    return parse


def _synchroniser() -> Parse:
    from pam_ros.robot import Synchroniser  # noqa: PLC0415

    sources = ("top", "wrist", "joint_states")

    def parse(data: bytes) -> None:
        """Three bytes a message: source, and how far its stamp and the clock are from the last."""
        sync = Synchroniser(
            sources, 0.03, 0.5, trigger=(None, "top")[len(data) & 1], depth=8, reset_s=1.0
        )
        now = stamp = 10**18
        for place in range(0, len(data) - 2, 3):
            source, ahead, passed = data[place : place + 3]
            stamp += (ahead - 96) * 10**7
            if source & 64:
                stamp = (0, -1, 2**62, -(2**62))[source >> 4 & 3]
            now += (passed - 64) * 10**7
            sync.add(sources[source % 3], stamp, place)
            found = sync.newest(now)
            if found is not None and found.stamp_ns - found.oldest_ns > 30_000_000:
                raise AssertionError(f"stamps {found.stamps} do not agree")

    return parse


def _contract_yaml() -> Parse:
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


def _contract_fields() -> Parse:
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
        content = _replace(whole, data[0], value) if data[0] < 128 else value
        try:
            parse_contract(content, "contract")
        except ContractError:
            return

    return parse


def _urdf() -> Parse:
    import math  # noqa: PLC0415

    from pam_ros.robot.errors import ContractError  # noqa: PLC0415
    from pam_ros.robot.urdf import read_urdf, with_limits  # noqa: PLC0415

    contract = _contract()

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


def _checkpoint() -> Parse:
    import logging  # noqa: PLC0415

    from pam_ros.policy.act.lerobot import build_model, parse_config  # noqa: PLC0415
    from pam_ros.policy.checkpoint import open_checkpoint, read_pipelines  # noqa: PLC0415
    from pam_ros.policy.interface import PolicyError  # noqa: PLC0415

    logging.getLogger("pam_ros.policy.act.lerobot").setLevel(logging.CRITICAL)
    folder = _folder("checkpoint")
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
            content = json.dumps(_replace(json.loads(whole[name]), data[1], value)).encode()
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


def _sae() -> Parse:
    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.errors import SaeError  # noqa: PLC0415

    return _files("sae", ("cfg.json", "sae_weights.safetensors"), load_sae, SaeError)


def _token_store() -> Parse:
    from pam_ros.sae.errors import SaeError  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    def read(folder: Path) -> None:
        store = TokenStore(folder)
        store.check()
        for index in range(min(len(store.shards), 4)):
            store.read(index)

    return _files("token_store", ("manifest.json", "shard-00000.safetensors"), read, SaeError)


def _bag(storage: str) -> Callable[[], Parse]:
    def make() -> Parse:
        _install()
        from pam_ros.bags import BagError, BagReader, repair  # noqa: PLC0415

        folder = _scratch()
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
                if data[0] & 1 and not _refused(repair, file, BagError):
                    raise AssertionError("a repaired bag cannot be read") from None
            finally:
                for left in folder.iterdir():
                    _remove(left)

        return parse

    return make


def _bag_metadata() -> Parse:
    _install()
    from pam_ros.bags import BagError, BagReader  # noqa: PLC0415

    def read(folder: Path) -> None:
        with BagReader(folder) as reader:
            for message in reader.messages():
                reader.decode(message)

    return _files("bag", ("metadata.yaml",), read, BagError)


def _files(
    name: str, files: tuple[str, ...], read: Callable[[Path], object], refuses: type[Exception]
) -> Parse:
    """A folder of which one file, chosen by the first byte, holds the input."""
    folder = _folder(name)
    whole = {file: (folder / file).read_bytes() for file in files}

    def parse(data: bytes) -> None:
        if not data:
            return
        file = files[data[0] % len(files)]
        (folder / file).write_bytes(data[1:])
        try:
            read(folder)
        except refuses:
            pass
        finally:
            (folder / file).write_bytes(whole[file])

    return parse


def _refused(function: Callable[[Path], object], file: Path, refuses: type[Exception]) -> bool:
    try:
        function(file)
    except refuses:
        return True
    return False


def _replace(whole: object, place: int, value: object) -> object:
    """A copy of nested JSON in which the place-th node (modulo their number) is another value."""
    paths = list(_paths(whole, ()))
    path = paths[place % len(paths)]
    if not path:
        return value
    copied: Any = json.loads(json.dumps(whole))
    parent = copied
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return copied


def _paths(node: object, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Mapping[Any, object] = {}
    if isinstance(node, dict):
        items = node
    elif isinstance(node, list):
        items = dict(enumerate(node))
    for key, child in items.items():
        yield from _paths(child, (*path, key))


def _contract() -> Any:
    from pam_ros.robot.contract_file import parse_contract  # noqa: PLC0415

    return parse_contract(
        json.loads((CORPUS / "contract_fields" / "whole.json").read_text()), "contract"
    )


def _install() -> None:
    from pam_ros.embedded import install  # noqa: PLC0415

    install(interfaces={"pam_ros": ROOT / "msg"})


def _folder(name: str) -> Path:
    """A copy in memory of a good folder of this kind."""
    folder = _scratch() / name
    shutil.copytree(Path(__file__).parent / "whole" / name, folder)
    return folder


def _scratch() -> Path:
    memory = Path("/dev/shm")  # noqa: S108  (what is here is of no value)
    parent = memory if os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ.get("FUZZ_SCRATCH", parent)))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


MILLION, MANY = 1_000_000, 100_000
OURS = ("pam_ros.embedded", "pam_ros.robot", "pam_ros.bags", "pam_ros.sae", "pam_ros.policy")
TARGETS = {
    target.name: target
    for target in (
        Target("cdr", "CDR of ten types, embedded/", _cdr, MILLION, 600, OURS),
        Target("image", "Image to RGB", _image, MILLION, 200, OURS),
        Target("compressed_image", "JPEG, PNG to RGB", _compressed_image, MILLION, 1200, OURS),
        Target("joints", "JointState, CDR to vectors", _joints, MILLION, 400, OURS),
        Target("synchroniser", "stamps and clocks", _synchroniser, MILLION, 48, OURS),
        Target("contract_yaml", "contract, text", _contract_yaml, MILLION, 160, OURS),
        Target("contract_fields", "contract, fields", _contract_fields, MILLION, 300, OURS),
        Target("urdf", "a robot description", _urdf, MILLION, 400, OURS),
        Target("checkpoint", "a policy's JSON and header", _checkpoint, MANY, 2000, OURS),
        Target("sae", "an SAE's folder", _sae, MANY, 1000, OURS),
        Target("token_store", "a token store's folder", _token_store, MANY, 1000, OURS),
        Target("bag_mcap", "mcap, read and repaired", _bag("mcap"), MANY, 4000, OURS),
        Target("bag_sqlite", "sqlite3, read and repaired", _bag("sqlite3"), MANY, 16_000, OURS),
        Target("bag_metadata", "metadata.yaml", _bag_metadata, MANY, 1500, OURS),
    )
}
