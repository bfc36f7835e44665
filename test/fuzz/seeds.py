# SPDX-License-Identifier: Apache-2.0
"""Writes the corpus and the whole folders that targets spoil.

`python test/fuzz seeds`. They are small, and the same each time but for what libraries stamp into
their files.
"""

from __future__ import annotations

import argparse
import array
import json
import shutil
import sqlite3
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from .message_parsers import CDR_TYPES
from .places import CORPUS, ROOT, install_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

WHOLE = Path(__file__).parent / "whole"
CONTRACT = {
    "robot": "arm",
    "rate_hz": 10.0,
    "trigger": "top",
    "sync_tolerance_s": 0.03,
    "max_age_s": 0.5,
    "cameras": [
        {
            "name": "top",
            "topic": "/top/image_raw",
            "type": "sensor_msgs/msg/Image",
            "feature": "observation.images.top",
            "encoding": "rgb8",
            "crop": {"x": 0, "y": 0, "width": 64, "height": 64},
            "resize": "policy",
        }
    ],
    "state": {
        "topic": "/joint_states",
        "feature": "observation.state",
        "unit": "rad",
        "joints": [
            {"name": "pan", "limits": [-1.0, 1.0]},
            {"name": "lift", "unit": "percent", "range": [-1.5, 1.5], "limits": [-1.0, 1.0]},
        ],
    },
    "environment": {"topic": "/environment", "feature": "observation.environment_state"},
    "command": {
        "topic": "/joint_commands",
        "type": "sensor_msgs/msg/JointState",
        "max_velocity": 3.0,
        "limit_margin": 0.1,
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write everything anew."""
    argparse.ArgumentParser(prog="python test/fuzz seeds", description=__doc__).parse_args(
        arguments
    )
    for folder in (CORPUS, WHOLE):
        shutil.rmtree(folder, ignore_errors=True)
    install_messages()
    _contracts()
    _urdfs()
    _messages()
    _images()
    _policy()
    _sae_and_tokens()
    _bags()
    return 0


def _put(target: str, name: str, data: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def _contracts() -> None:
    _put("contract_fields", "whole.json", json.dumps(CONTRACT, indent=1).encode())
    for name, value in (("null", None), ("text", "rad"), ("list", [[-1, 1e308], {"x": -1}])):
        _put("contract_fields", f"{name}.json", b"\x05" + json.dumps(value).encode())
    _put("contract_fields", "all.json", b"\xff" + json.dumps(CONTRACT).encode()[:290])
    import yaml  # noqa: PLC0415

    for key in ("cameras", "state", "command"):
        part = yaml.safe_dump({key: CONTRACT[key]}, default_flow_style=None)
        _put("contract_yaml", f"{key}.yaml", part[:155].encode())
    _put("contract_yaml", "anchor.yaml", b"robot: &a arm\nrate_hz: 10\ntrigger: *a\ncameras: []\n")
    _put(
        "contract_yaml", "flow.yaml", b"{robot: a, rate_hz: .inf, cameras: [{name: t}], state: {}}"
    )
    _put(
        "contract_yaml",
        "odd.yaml",
        b"%YAML 1.1\n---\n? !!int '0x1f'\n: !!binary aGk=\n...\n<<: 1\n",
    )


def _urdfs() -> None:
    limits = '<limit lower="-1" upper="1" velocity="2" effort="1"/>'
    joints = "".join(
        f'<joint name="{name}" type="{kind}"><parent link="a"/>{limits}</joint>'
        for name, kind in (("pan", "revolute"), ("lift", "prismatic"))
    )
    _put("urdf", "two.xml", f'<robot name="arm">{joints}</robot>'.encode())
    _put("urdf", "turns.xml", b'<robot><joint name="pan" type="continuous"/><!-- --></robot>')
    _put("urdf", "entity.xml", b'<!DOCTYPE r [<!ENTITY a "b">]><robot>&a;</robot>')
    _put(
        "urdf",
        "number.xml",
        b'<robot><joint name="pan" type="revolute"><limit lower="nan"/></joint></robot>',
    )


def _messages() -> None:
    from rclpy_cyclone.types.messages import codec, message_class  # noqa: PLC0415

    for index, name in enumerate(CDR_TYPES):
        message = message_class(name)()
        _fill(message)
        data = codec(type(message)).encode(message)
        _put("cdr", name.replace("/", "."), bytes([index]) + data)
    joints = message_class("sensor_msgs/msg/JointState")()
    joints.name = ["lift", "other", "pan"]
    joints.position, joints.velocity = [0.1, 9.0, 0.2], [0.0, 1.0]
    _put("joints", "permuted", codec(type(joints)).encode(joints))
    joints.position = [float("nan"), 0.0, 0.0]
    _put("joints", "nan", codec(type(joints)).encode(joints))
    joints.name, joints.position = ["pan", "pan", "lift"], [0.0, 0.0, 0.0]
    _put("joints", "twice", codec(type(joints)).encode(joints))
    # Messages of three sources at one rate, and some that come from other times.
    steady = bytes(byte for place in range(24) for byte in (place % 3, 96 + 3, 64 + 4))
    _put("synchroniser", "steady", steady)
    _put(
        "synchroniser",
        "jumps",
        steady[:30] + bytes((0, 0, 64, 64, 96, 64, 112, 96, 0)) + steady[:9],
    )
    _put("synchroniser", "untriggered", steady + b"\0")


def _fill(message: Any) -> None:
    """Something in every field that is a list or a text."""
    for name, field in message.__fields__:
        value = getattr(message, name)
        if field.kind == "sequence" and not field.message:
            if isinstance(value, array.array):
                value.extend([1, 2, 3])
            elif field.base == "string":
                value.extend(["pan", "lift"])
        elif field.kind == "sequence":
            from rclpy_cyclone.types.messages import message_class  # noqa: PLC0415

            value.append(message_class(field.base)())
            _fill(value[-1])
        elif field.base == "string":
            setattr(message, name, "rgb8")
        elif field.message:
            _fill(value)


def _images() -> None:
    pixels = bytes(range(3 * 4 * 2))
    for place, _ in enumerate(range(9)):
        head = bytes((4, 2, 12, 1, place, 0, 0, 0))
        _put("image", f"encoding{place}", head + pixels)
    _put("image", "huge", bytes((255, 255, 255, 0, 0, 0, 0, 255)) + pixels)
    picture = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    for kind in (".jpg", ".png"):
        _put("compressed_image", f"small{kind}", cv2.imencode(kind, picture)[1].tobytes())
    grey = cv2.imencode(".jpg", picture[:, :, 0], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    _put("compressed_image", "grey.jpg", grey)
    huge = bytearray(cv2.imencode(".png", picture)[1].tobytes())
    huge[16:24] = struct.pack(">II", 60_000, 60_000)
    _put("compressed_image", "huge.png", bytes(huge))


def _policy() -> None:
    """The demo policy's JSON, and the header of a weights file with two small tensors."""
    import safetensors.numpy  # noqa: PLC0415

    folder = WHOLE / "checkpoint"
    folder.mkdir(parents=True)
    demo = ROOT / "models" / "demo_act"
    for path in sorted(demo.glob("*.json")):
        shutil.copy(path, folder)
    for path in sorted(demo.glob("policy_*.safetensors")):
        shutil.copy(path, folder)
    tensors = {"model.a": np.zeros(2, np.float32), "model.b": np.zeros((2, 2), np.float16)}
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    config = (folder / "config.json").read_bytes()
    _put("checkpoint", "config", b"\0\0" + config)
    _put("checkpoint", "preprocessor", b"\1\0" + (folder / "policy_preprocessor.json").read_bytes())
    _put("checkpoint", "weights", b"\2\0" + (folder / "model.safetensors").read_bytes())
    for place, value in enumerate(
        (None, -1, 10**9, 1e308, "act", [[3, 10**9, 10**9]], {"type": "X"})
    ):
        _put("checkpoint", f"value{place}", bytes((64, 3 * place)) + json.dumps(value).encode())


def _sae_and_tokens() -> None:
    import torch  # noqa: PLC0415

    from pam_ros.attention.layout import CameraTokens  # noqa: PLC0415
    from pam_ros.policy.act.spec import lay_out  # noqa: PLC0415
    from pam_ros.sae.arch.model import SaeConfig  # noqa: PLC0415
    from pam_ros.sae.arch.relu import ReluSAE  # noqa: PLC0415
    from pam_ros.sae.disk import save_sae  # noqa: PLC0415
    from pam_ros.sae.provenance import Provenance  # noqa: PLC0415
    from pam_ros.sae.store.manifest import StoreInfo  # noqa: PLC0415
    from pam_ros.sae.store.tokens import AllTokens, token_table  # noqa: PLC0415
    from pam_ros.sae.store.writer import TokenWriter  # noqa: PLC0415

    weights = {
        "W_enc": torch.ones(4, 6), "b_enc": torch.zeros(6),
        "W_dec": torch.ones(6, 4), "b_dec": torch.zeros(4),
    }  # fmt: skip
    made = Provenance("act", "a" * 64, "encoder", "all", "synthetic", "0.1.0")
    save_sae(ReluSAE(SaeConfig("standard", 4, 6), weights), WHOLE / "sae", made)
    _seed_files("sae", ("cfg.json", "sae_weights.safetensors"))

    camera = CameraTokens("top", 0, 1, 2, 32, 64, 0.0, 0.0, 32.0, 32.0)
    cells = token_table(lay_out([camera], joint_state=True, environment=False))
    info = StoreInfo("act", "a" * 64, "encoder", "all", "synthetic", 4, 4, ("top",), False, "0")
    with TokenWriter(WHOLE / "token_store", info) as writer:
        for frame in range(2):
            rows, table = AllTokens().sample(np.ones((4, 4), np.float32), cells)
            writer.add(0, frame, rows, table)
        writer.finish()
    (WHOLE / "token_store" / ".lock").unlink(missing_ok=True)
    _seed_files("token_store", ("manifest.json", "shard-00000.safetensors"))


def _seed_files(target: str, files: tuple[str, ...]) -> None:
    folder = WHOLE / target
    for index, name in enumerate(files):
        _put(target, name, bytes([index]) + (folder / name).read_bytes())


def _bags() -> None:
    """Of each storage one bag of this package's writer, and small ones of rosbags without QoS.

    QoS profiles are YAML, which takes most of a reader's time.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: PLC0415

    from pam_ros.bags import BagWriter  # noqa: PLC0415
    from pam_ros.bags.types import known_types  # noqa: PLC0415

    types = known_types()
    start = 1_700_000_000 * 10**9
    texts = [types.types["std_msgs/msg/String"](data=f"message {index}") for index in range(3)]
    words = [bytes(types.serialize_cdr(text, "std_msgs/msg/String")) for text in texts]
    plugins: dict[Literal["mcap", "sqlite3"], StoragePlugin] = {
        "mcap": StoragePlugin.MCAP,
        "sqlite3": StoragePlugin.SQLITE3,
    }
    for storage, plugin in plugins.items():
        target = "bag_mcap" if storage == "mcap" else "bag_sqlite"
        ours, plain = WHOLE / "ours", WHOLE / "plain"
        with BagWriter(ours, storage, compression="zstd") as writer:
            writer.add_topic("/words", "std_msgs/msg/String")
            for index, data in enumerate(words):
                writer.write("/words", data, start + index)
        with Writer(plain, version=9, storage_plugin=plugin) as other:
            topic = other.add_connection("/words", "std_msgs/msg/String", typestore=types)
            for index, data in enumerate(words):
                other.write(topic, start + index, data)
        for bag in (ours, plain):
            (file,) = (path for path in bag.iterdir() if path.suffix != ".yaml")
            if storage == "sqlite3":
                _shrink(file)
            content = file.read_bytes()
            for first in (b"\0", b"\1"):
                _put(target, f"{bag.name}{first[0]}", first + content)
        _put(target, "cut", b"\1" + content[: len(content) * 2 // 3])
        if storage == "mcap":
            shutil.copytree(plain, WHOLE / "bag")
            metadata = (ours / "metadata.yaml").read_bytes()
            _put("bag_metadata", "metadata.yaml", b"\0" + metadata)
            plain_metadata = (plain / "metadata.yaml").read_bytes()
            _put("bag_metadata", "plain.yaml", b"\0" + plain_metadata)
        for bag in (ours, plain):
            shutil.rmtree(bag)


def _shrink(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA page_size = 512")
        database.execute("VACUUM")
    database.close()
