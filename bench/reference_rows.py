# SPDX-License-Identifier: Apache-2.0
"""What ours is compared with: lerobot itself, and the library physical-ai-interpretability."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from bench.interleave import Row
from bench.machine import LIBRARIES
from bench.sizes import to_tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bench.sizes import Subject

LIBRARY = "physical-ai-interpretability"
_MAPPER = Path("physical_ai_interpretability") / "attention_maps" / "act_attention_mapper.py"

_NOT_INSTALLED = f"{LIBRARY} is not installed: make bench fetches it"

PLAIN = "lerobot_forward"


def plain_forward(subject: Subject) -> Row:
    """Lerobot's forward pass from normalised tensors to the normalised chunk."""

    @torch.inference_mode()
    def run() -> torch.Tensor:
        return subject.policy.predict_action_chunk(subject.batch)

    return Row(PLAIN, "lerobot: plain forward pass", run)


def processing(subject: Subject) -> Row:
    """Lerobot's way from arrays to normalised tensors, and from a normalised action back."""
    action = plain_forward(subject).run()[:, 0]  # type: ignore[misc, index]

    @torch.inference_mode()
    def run() -> torch.Tensor:
        subject.preprocessor(to_tensors(subject.observation))
        return subject.postprocessor(action)

    return Row("lerobot_processing", "lerobot: pre- and post-processing", run)


def select_action(subject: Subject) -> Row:
    """All of lerobot's tick, from uint8 images to the action."""
    subject.policy.reset()

    @torch.inference_mode()
    def run() -> NDArray[Any]:
        batch = subject.preprocessor(to_tensors(subject.observation))
        action = subject.policy.select_action(batch)
        return subject.postprocessor(action).numpy()

    return Row("lerobot_select_action", "lerobot: select_action, from images", run)


def library_tick(subject: Subject) -> Row:
    """The library's tick from tensors that are already normalised."""
    label = f"{LIBRARY}: tick with overlays"
    ready = to_tensors(subject.observation)
    return _library_row("library_tick", label, subject, lambda: ready, lambda _: subject.batch)


def library_from_images(subject: Subject) -> Row:
    """The library's tick as its users call it, lerobot's pre-processing included."""
    label = f"{LIBRARY}: tick with overlays, from images"
    return _library_row(
        "library_from_images",
        label,
        subject,
        lambda: to_tensors(subject.observation),
        subject.preprocessor,
    )


def library_drawing(subject: Subject) -> Row:
    """The library's overlays of one tick, all cameras."""
    key, label = "library_drawing", f"{LIBRARY}: overlays of all cameras"
    wrapped = _wrap(subject, lambda _: subject.batch)
    if wrapped is None:
        return Row(key, label, None, _NOT_INSTALLED)
    wrapped.select_action(to_tensors(subject.observation))
    return Row(key, label, wrapped.visualize_attention)


def _library_row(
    key: str,
    label: str,
    subject: Subject,
    observe: Callable[[], dict[str, Any]],
    preprocess: Callable[[dict[str, Any]], Any],
) -> Row:
    wrapped = _wrap(subject, preprocess)
    if wrapped is None:
        return Row(key, label, None, _NOT_INSTALLED)

    def run() -> Any:
        wrapped.select_action(observe())
        return wrapped.visualize_attention()

    return Row(key, label, run)


def _wrap(subject: Subject, preprocess: Callable[[dict[str, Any]], Any]) -> Any:
    """The library's wrapper around the subject's policy; None where it is not installed."""
    mapper = _load_mapper()
    if mapper is None:
        return None
    # The library looks for the backbone where stock lerobot does not have it. An alias that is no
    # module leaves the policy's own parameters as they are.
    model = subject.policy.model
    alias = SimpleNamespace(resnet_feature_extractor=model.backbone)
    object.__setattr__(model, "vision_encoder", alias)
    return mapper.ACTPolicyWithAttention(subject.policy, preprocess)


def _load_mapper() -> Any:
    """The library's module of attention maps, or None.

    The file by itself: the library's __init__ imports what trains its autoencoders, which needs
    packages whose pins clash with lerobot's and which a tick does not use.
    """
    folders = [LIBRARIES]
    package = importlib.util.find_spec("physical_ai_interpretability")
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parents[1])
    for folder in folders:
        if (folder / _MAPPER).is_file():
            spec = importlib.util.spec_from_file_location("act_attention_mapper", folder / _MAPPER)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    return None
