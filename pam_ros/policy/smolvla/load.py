# SPDX-License-Identifier: Apache-2.0
"""From a SmolVLA checkpoint to a Policy."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.attention.look import Look
from pam_ros.policy.checkpoint import read_pipelines, read_weights, state_files
from pam_ros.policy.interface import CameraSpec, EngineReport, PolicyError, PolicySpec
from pam_ros.policy.normalisation import check_normalisation, feature_statistics
from pam_ros.policy.observation import empty_observation
from pam_ros.policy.padded import padded_cells
from pam_ros.policy.renames import take_renames
from pam_ros.policy.smolvla.layout import Marks, PrefixLayout, lay_out, lay_out_stacks
from pam_ros.policy.smolvla.packages import check_packages
from pam_ros.policy.smolvla.passes import Passes
from pam_ros.policy.smolvla.policy import SmolVlaPolicy
from pam_ros.policy.smolvla.positions import checked_positions
from pam_ros.policy.smolvla.prepare import STATE, Preparation
from pam_ros.policy.smolvla.vlm_folder import vlm_folder
from pam_ros.policy.smolvla.words import Reader, Words
from pam_ros.policy.taps import wanted_by
from pam_ros.policy.token_means import take_own_means

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pam_ros.policy.checkpoint import Checkpoint
    from pam_ros.policy.options import LoadOptions
    from pam_ros.policy.padded import PaddedCells

EMPTY_CAMERA = "observation.images.empty_camera_"
NO_WORDS = ""
"""Before there is an instruction the layout is that of an empty one."""

logger = logging.getLogger(__name__)


def load_smolvla(checkpoint: Checkpoint, options: LoadOptions) -> SmolVlaPolicy:
    """Load a LeRobot SmolVLA checkpoint with its pre- and post-processors; see registry.Loader.

    Its weights keep their dtypes. It has no instruction yet: see SmolVlaPolicy.instruct.
    """
    name = checkpoint.name
    check_packages(name)
    # It imports transformers, which only the extra brings along.
    from pam_ros.policy.smolvla import lerobot  # noqa: PLC0415

    chosen = _execution(name, checkpoint.config, options)
    pipelines = read_pipelines(checkpoint)
    fields = {**checkpoint.config, **chosen}
    config = lerobot.parse_config(name, fields, vlm_folder(checkpoint), options.device)
    weights, sha256 = read_weights(checkpoint)
    report = _report(name, options, fields, weights)
    policy = lerobot.build_policy(name, config, weights, options.device)
    processors = lerobot.load_processors(name, checkpoint.folder, config, pipelines)
    files = state_files(pipelines)
    renames = take_renames(name, processors[0], list(config.input_features))
    check_normalisation(name, config, processors, files, renames)

    slots = _slots(name, config, renames)
    cells = [_cells(config, policy, camera) for camera in slots[0]]
    place = _placing(config, policy, cells, len(slots[1]))
    reader = Reader(name, processors[0])
    preparation = Preparation(
        slots[0], config.robot_state_feature.shape[0], options.device, processors, reader
    )
    try:
        words = preparation.words(NO_WORDS)
    except Exception as error:
        message = f"{name}: its tokenizer reads no words: {lerobot.reason_of(error)}"
        raise PolicyError(message) from error
    prefix = place(words)
    statistics = feature_statistics(config, processors)
    spec = PolicySpec(
        name=name,
        sha256=sha256,
        cameras=slots[0],
        state_feature=STATE,
        state_dim=config.robot_state_feature.shape[0],
        environment_feature=None,
        environment_dim=0,
        action_dim=config.action_feature.shape[0],
        chunk_size=config.chunk_size,
        n_action_steps=config.n_action_steps,
        chunk_mode="queue",
        device=options.device,
        groups=prefix.groups,
        stacks=lay_out_stacks(policy.model.vlm_with_expert, prefix.size, config.chunk_size),
        stochastic=True,
        denoising_steps=config.num_steps,
        instruction=True,
        statistics=statistics,
        renames=renames,
    )
    passes = Passes(policy, spec.stacks)
    with checked_positions(name, policy.model.vlm_with_expert.get_vlm_model().vision_model):
        _try_a_pass(spec, passes, preparation, prefix, words, config)
    made = SmolVlaPolicy(
        spec,
        place,
        passes,
        cells,
        preparation,
        report,
        (config.chunk_size, config.max_action_dim),
        options.seed,
    )
    take_own_means(made, checkpoint.folder)
    return made


def _try_a_pass(
    spec: PolicySpec,
    passes: Passes,
    preparation: Preparation,
    prefix: PrefixLayout,
    words: Words,
    config: Any,
) -> None:
    """Once, so that what can never run, or is laid out otherwise than said, is told at load."""
    looks = [Look(stack.name, stack.layers - 1) for stack in spec.stacks]
    wanted = wanted_by(looks, spec)
    noise = torch.zeros(1, config.chunk_size, config.max_action_dim)
    try:
        inputs = preparation.inputs([empty_observation(spec)], words, noise)
        found = passes(inputs, prefix, wanted, spec.stacks[-1].layers - 1)
        preparation.unnormalised(found.chunk[0])
    except PolicyError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{spec.name} cannot make a step: {reason}"
        raise PolicyError(message) from error
    for stack, look in zip(spec.stacks, looks, strict=True):
        key = (stack.name, look.layer, look.steps(stack, spec.denoising_steps)[0])
        expected = (1, stack.heads, stack.queries, stack.keys[1] - stack.keys[0])
        shape = tuple(found.weights[key].shape) if key in found.weights else None
        if shape != expected:
            message = (
                f"{spec.name}: this lerobot's SmolVLA gives attention of shape {shape} in "
                f"{stack.label(look.layer)}: it must be {expected}"
            )
            raise PolicyError(message)


def _slots(
    name: str, config: Any, renames: Mapping[str, str]
) -> tuple[tuple[CameraSpec, ...], tuple[str, ...]]:
    """The cameras that there are pictures of, and the slots that LeRobot fills with none.

    A policy that was trained further with fewer cameras than it has names its own in its
    `rename_map`, and has the rest empty.
    """
    features = config.image_features
    empty = [feature for feature in features if feature.startswith(EMPTY_CAMERA)]
    present = [feature for feature in features if feature not in empty]
    named = [feature for feature in present if feature in renames.values()]
    if named and 0 < len(present) - len(named) <= config.empty_cameras:
        empty = [*(feature for feature in present if feature not in named), *empty]
        present = named
    if not present:
        message = f"{name} reads no camera: SmolVLA needs one"
        raise PolicyError(message)
    shown = tuple(empty[: config.empty_cameras])
    if shown:
        logger.info("%s: no picture for %s: an empty slot", name, ", ".join(shown))
    cameras = []
    for feature in present:
        shape = tuple(features[feature].shape)
        if len(shape) != 3 or shape[0] != 3:
            message = f"{name}: {feature} has shape {shape}: it must be (3, H, W)"
            raise PolicyError(message)
        cameras.append(CameraSpec(feature, *shape[1:]))
    return tuple(cameras), shown


def _cells(config: Any, policy: Any, camera: CameraSpec) -> PaddedCells:
    sizes = policy.model.vlm_with_expert.config
    cell = sizes.vision_config.patch_size * sizes.scale_factor
    size = config.resize_imgs_with_padding
    cells = padded_cells(camera, None if size is None else tuple(size), cell, "left_top")
    if cells.rows != cells.cols:
        message = (
            f"{camera.feature} is read as {cells.cols} x {cells.rows} cells: SmolVLA's connector "
            "takes square pictures only, so resize_imgs_with_padding must be a square"
        )
        raise PolicyError(message)
    return cells


def _placing(
    config: Any, policy: Any, cells: Sequence[PaddedCells], empty: int
) -> Callable[[Words], PrefixLayout]:
    marks = Marks()
    if config.add_image_special_tokens:
        tokenizer = policy.model.vlm_with_expert.processor.tokenizer
        fake, whole = tokenizer.fake_image_token, tokenizer.global_image_token
        marks = Marks((str(fake), str(whole)), (str(fake),))
    return partial(
        lay_out,
        cells,
        empty,
        chunk_size=config.chunk_size,
        marks=marks,
        prefix_length=config.prefix_length,
    )


def _execution(name: str, fields: Mapping[str, Any], options: LoadOptions) -> dict[str, Any]:
    """The fields of config.json that the caller's choice replaces."""
    steps, chunk_size = options.n_action_steps, fields.get("chunk_size", 50)
    if options.temporal_ensemble_coeff is not None:
        message = f"{name}: SmolVLA has no temporal ensemble: leave temporal_ensemble_coeff out"
        raise PolicyError(message)
    if options.engine not in {"auto", "eager"}:
        message = f"{name}: engine {options.engine!r} has no SmolVLA: use eager, or auto"
        raise PolicyError(message)
    if steps is None:
        return {}
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= chunk_size:
        message = f"n_action_steps {steps!r} must be from 1 to the chunk's {chunk_size}"
        raise PolicyError(message)
    return {"n_action_steps": steps}


def _report(
    name: str, options: LoadOptions, fields: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
) -> EngineReport:
    """What runs; a warning where LeRobot would compute in another dtype than the weights'."""
    vlm = {str(w.dtype).removeprefix("torch.") for k, w in weights.items() if ".vlm." in k}
    half = "bfloat16" in vlm
    if options.dtype not in {"float32", "bfloat16"} or (options.dtype == "bfloat16" and not half):
        message = (
            f"{name}: dtype {options.dtype!r} cannot be had: SmolVLA's weights keep the dtype that "
            f"they have, {' and '.join(sorted(vlm))}; leave dtype out"
        )
        raise PolicyError(message)
    loads = "bfloat16" if fields.get("load_vlm_weights") else "float32"
    if vlm - {loads}:
        logger.warning(
            "%s: its vision-language model's weights are %s and stay so; lerobot would make them "
            "%s, and give slightly other actions",
            name,
            " and ".join(sorted(vlm)),
            loads,
        )
    dtype = "bfloat16" if half else "float32"
    return EngineReport("eager", dtype, 0.0, "the only one that SmolVLA has; dtypes are the file's")
