# SPDX-License-Identifier: Apache-2.0
"""The architectures there are, by one name each: what trains them and what comes of it.

A new one is a file beside this one and an entry here. Nothing of torch is imported, so that
`pam_ros sae train --help` answers at once; classes.py has the classes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One architecture.

    Attributes:
        name: for settings and `--architecture`; SAELens's, in lower case.
        training: the class that is trained, as "module:class" of this folder.
        finished: the class of the trained SAE, likewise. Its `architecture` is what cfg.json says:
            the name, unless a training ends as another architecture.
        has_k: whether it is told how many features are active per token.
        old_names: by which settings and checkpoints of earlier versions call it.
    """

    name: str
    training: str
    finished: str
    has_k: bool = False
    old_names: tuple[str, ...] = ()


ARCHITECTURES = {
    entry.name: entry
    for entry in (
        Architecture("standard", "relu:ReluTraining", "relu:ReluSAE", old_names=("relu_l1",)),
        Architecture("topk", "topk:TopKTraining", "topk:TopKSAE", has_k=True),
        # SAELens too saves it as a JumpReLU: the batch is not there any more.
        Architecture(
            "batchtopk", "batchtopk:BatchTopKTraining", "jumprelu:JumpReluSAE", has_k=True
        ),
        Architecture("jumprelu", "jumprelu:JumpReluTraining", "jumprelu:JumpReluSAE"),
    )
}
"""By name, in the order in which people are told them."""

OLD_NAMES = {old: entry.name for entry in ARCHITECTURES.values() for old in entry.old_names}


def name_of(architecture: str) -> str:
    """Today's name of an architecture; what is not known comes back as it is."""
    return OLD_NAMES.get(architecture, architecture)
