# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the sae_recorder node: its default, its bounds, and what is said of it.

`ros2 param describe`, config/sae_recorder.yaml and the page parameters.md say what stands here.
"""

from __future__ import annotations

from pam_ros.nodes.kit.parameters import Declared
from pam_ros.nodes.recorders.topic_recorder import ANNOTATE_TOPIC, METADATA_VERSION

SECTIONS: dict[str, tuple[Declared, ...]] = {
    "What is encoded": (
        Declared(
            "sae",
            "",
            "Folder of the sparse autoencoder: cfg.json and sae_weights.safetensors. Required. "
            "It is used on the policy and the layer that it was trained on, and on no other.",
            example="/path/to/sae",
        ),
        Declared(
            "tokens_topic",
            "act_attention/tokens",
            "pam_ros/msg/TokenActivations of the attention node; it publishes them while "
            "somebody listens.",
        ),
        Declared(
            "full_code",
            False,
            "True: each SaeFeatures also carries the whole sparse code, every active feature "
            "of every token.",
        ),
        Declared(
            "queue",
            120,
            "Ticks that may wait to be encoded (0.6 MB each for 602 tokens of 512), so that a "
            "stall of four seconds at 30 Hz costs none. Where more come, the oldest is "
            "dropped, and counted as lost.",
            True,
            1,
            1000,
        ),
        Declared(
            "torch_threads",
            1,
            "Threads of torch; 0 leaves torch's own choice. One is enough for 602 tokens of "
            "512 and 4,096 features at 30 Hz, and several wait for each other wherever the "
            "policy needs the cores.",
            True,
            0,
            256,
        ),
    ),
    "What is recorded": (
        Declared(
            "bag",
            "",
            "Folder of the new bag; it must not exist. Empty: features are published and "
            "nothing is recorded.",
        ),
        Declared(
            "storage",
            "mcap",
            "mcap or sqlite3.",
            choices=("mcap", "sqlite3"),
        ),
        Declared(
            "compression",
            "zstd",
            "zstd or none: of mcap's chunks, or of each message in sqlite3.",
            choices=("none", "zstd"),
        ),
        METADATA_VERSION,
        Declared(
            "split_seconds",
            600.0,
            "A new file of the bag is begun after so many seconds, and at this size; 0: never.",
            True,
            0.0,
            1e6,
        ),
        Declared(
            "split_megabytes",
            1000,
            "A new file at this size; 0: never.",
            True,
            0,
            1000000,
        ),
        Declared(
            "topics",
            ["act_attention/attention", "act_attention/predicted_chunk"],
            "Recorded beside ~/features.",
        ),
        Declared(
            "contract",
            "",
            "The robot's contract, a YAML file or the name of one in config/robots: its "
            "command and joint topics are recorded too. Empty: only `topics`.",
        ),
        Declared(
            "annotate_topic",
            ANNOTATE_TOPIC,
            "A String topic that is recorded too: what people say of moments while the robot "
            "runs. Empty: none.",
        ),
        Declared(
            "images",
            False,
            "True: the contract's camera topics as well. Much data: 55 MB/s for two 640x480 "
            "cameras at 30 Hz.",
        ),
    ),
}
TABLE = tuple(entry for entries in SECTIONS.values() for entry in entries)
