# SPDX-License-Identifier: Apache-2.0
"""Sparse features of a policy's tokens: collect, train, measure, encode. Knows no ROS.

Example:
    from pam_ros.sae import TickEncoder, load_sae, parse_sampler, token_table

    sae = load_sae("out/sae", policy_sha256=policy.spec.sha256, layer="encoder")

Importing this package costs no torch; the first use of most of its names does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.share.on_demand import on_demand

if TYPE_CHECKING:
    from pam_ros.sae.arch.model import SAE, SaeConfig
    from pam_ros.sae.arch.names import ARCHITECTURES
    from pam_ros.sae.disk import check_fits, load_sae, save_sae
    from pam_ros.sae.edit import ablate, edit_effect, scale, steer
    from pam_ros.sae.encoder import TickEncoder, TickFeatures
    from pam_ros.sae.errors import SaeError
    from pam_ros.sae.ood.detector import OodDetector, OodState
    from pam_ros.sae.provenance import Provenance
    from pam_ros.sae.store.token_store import TokenStore
    from pam_ros.sae.store.tokens import parse_sampler, token_table
    from pam_ros.sae.train.settings import TrainingSettings

__all__ = [
    "ARCHITECTURES",
    "SAE",
    "OodDetector",
    "OodState",
    "Provenance",
    "SaeConfig",
    "SaeError",
    "TickEncoder",
    "TickFeatures",
    "TokenStore",
    "TrainingSettings",
    "ablate",
    "check_fits",
    "edit_effect",
    "load_sae",
    "parse_sampler",
    "save_sae",
    "scale",
    "steer",
    "token_table",
]

__getattr__ = on_demand(
    __name__,
    {
        "arch.model": ("SAE", "SaeConfig"),
        "arch.names": ("ARCHITECTURES",),
        "disk": ("check_fits", "load_sae", "save_sae"),
        "edit": ("ablate", "edit_effect", "scale", "steer"),
        "encoder": ("TickEncoder", "TickFeatures"),
        "errors": ("SaeError",),
        "ood.detector": ("OodDetector", "OodState"),
        "provenance": ("Provenance",),
        "store.token_store": ("TokenStore",),
        "store.tokens": ("parse_sampler", "token_table"),
        "train.settings": ("TrainingSettings",),
    },
)
