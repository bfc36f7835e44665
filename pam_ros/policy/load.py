# SPDX-License-Identifier: Apache-2.0
"""load_policy: from a checkpoint of any registered type to a Policy."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from pam_ros.policy.checkpoint import open_checkpoint
from pam_ros.policy.interface import Policy, PolicyError
from pam_ros.policy.options import LoadOptions, check_engine, usable_device
from pam_ros.policy.registry import load_registered

if TYPE_CHECKING:
    from pathlib import Path


def load_policy(
    path_or_hub_id: str | Path,
    device: str = "auto",
    revision: str | None = None,
    n_action_steps: int | None = None,
    temporal_ensemble_coeff: float | None = None,
    engine: str = "auto",
    dtype: str = "float32",
    seed: int = 0,
) -> Policy:
    """Load a LeRobot checkpoint with its pre- and post-processors.

    What it gives has the abilities of its class (policy.abilities) beside those of a Policy; ACT
    has all but those for noise and words, of which it has none. SmolVLA needs the extra `smolvla`.

    Args:
        path_or_hub_id: a folder, or a model of the Hugging Face hub such as "user/act_so101". Its
            config.json has a `type` that is registered: "act", "smolvla", or one that a plug-in
            adds.
        device: "auto" is CUDA where there is one, else the CPU; or any torch device name.
        revision: branch, tag or commit on the hub.
        n_action_steps: how much of a chunk the queue executes, instead of what the checkpoint says;
            given alone it also turns the checkpoint's temporal ensembling off.
        temporal_ensemble_coeff: turns temporal ensembling on, with this coefficient (0.01 in the
            paper; 0 weighs all chunks alike; above 0 the older ones weigh more).
        engine: what computes the forward pass, all with the same outputs. "eager" is ready at once;
            "compile" is torch.compile (needs a C++ compiler), "openvino" is for the CPU (needs the
            package openvino), "cuda_graph" for CUDA: these three take a while to load. "auto"
            picks by device. The policy's `engine` says what it is.
        dtype: "float32", or "bfloat16" for the matrix products, or "int8" for the convolutions and
            bfloat16 for the rest. Only "openvino" has int8, for a policy that `pam_ros quantise`
            was run on; PrecisionMeasuring says how far that is off.
        seed: of a policy that draws noise: the same seed, episode and step draw the same.

    The model runs in evaluation mode. Of ACT, half-precision weights are computed in float32. On a
    GPU "eager" takes TF32 where the caller allows it (torch.backends.cudnn.allow_tf32); "compile"
    and "cuda_graph" in float32 never do.

    Raises:
        PolicyError: the checkpoint or a setting cannot be used; one sentence says why.
    """
    _refuse_what_is_no_name(path_or_hub_id)
    check_engine(engine, dtype)
    options = LoadOptions(
        device=usable_device(device),
        n_action_steps=n_action_steps,
        temporal_ensemble_coeff=temporal_ensemble_coeff,
        engine=engine,
        dtype=dtype,
        seed=seed,
    )
    return load_registered(open_checkpoint(path_or_hub_id, revision), options)


def _refuse_what_is_no_name(given: object) -> None:
    if isinstance(given, str | PathLike):
        return
    kind = type(given).__name__
    if isinstance(given, Policy):
        message = f"this {kind} is loaded already: use it as it is"
    elif hasattr(given, "config"):
        message = (
            f"load_policy takes a folder or a hub id, and this is of type {kind}: for a policy in "
            "memory use wrap(policy, preprocessor, postprocessor)"
        )
    else:
        message = (
            f"load_policy takes a folder or a hub id, and this is of type {kind}: write "
            "load_policy('outputs/act/pretrained_model')"
        )
    raise PolicyError(message)
