# SPDX-License-Identifier: Apache-2.0
"""Runs a policy over a source and keeps its tokens."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.policy import PolicyError
from pam_ros.policy.abilities import TOKENS_LAYER, take_tokens
from pam_ros.policy.words import Saying
from pam_ros.sae.errors import SaeError
from pam_ros.sae.provenance import pam_ros_version
from pam_ros.sae.store.manifest import StoreInfo
from pam_ros.sae.store.tokens import token_table
from pam_ros.sae.store.writer import TokenWriter
from pam_ros.sae.train.interrupts import WaitingInterrupts
from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.observations.source import Frame, Source
    from pam_ros.policy import Policy
    from pam_ros.sae.store.tokens import Sampler

DEFAULT_LAYER = TOKENS_LAYER

_LOG = logging.getLogger(__name__)


def collect(
    policy: Policy,
    source: Source,
    sampler: Sampler,
    folder: Path,
    *,
    layer: str = DEFAULT_LAYER,
    observations: bool = False,
    shard_rows: int = 1 << 17,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    instruction: str = "",
) -> str:
    """Fill a store; goes on where the last call was stopped.

    Args:
        policy: whose tokens.
        source: of the observations.
        sampler: which tokens of a tick become rows.
        folder: of the store.
        layer: as in abilities.take_tokens.
        observations: keep the observations too: `pam_ros sae eval` runs the policy on them again.
        shard_rows: rows in memory at a time.
        max_rows: rows at which to stop; None for no limit.
        max_bytes: bytes on disk at which to stop; None for no limit.
        progress: called after every frame with its episode and the rows so far.
        instruction: said at every frame to a policy that reads words; empty: what the source says
            of the frame, else the policy's own words.

    Returns:
        Why it ended, in words: the source's end, or a limit.

    Raises:
        PamRosError: the source, the folder or a value cannot be used. Shards on disk stay, and
            nothing half-written is left.
        KeyboardInterrupt: by Ctrl-C or a `kill`, between two frames; those before are kept.
    """
    # Also for the default: the policy may have been left at another one.
    take_tokens(policy, layer)
    saying = Saying(policy, instruction)
    spec = policy.spec
    table = token_table(spec.layout)
    info = StoreInfo(
        policy_name=Path(spec.name).name if Path(spec.name).is_dir() else spec.name,
        policy_sha256=spec.sha256,
        layer=layer,
        sampler=str(sampler),
        dataset=f"{source.dataset}, told {instruction!r}" if instruction else source.dataset,
        # Known only once there are tokens.
        width=_width(policy, source, saying),
        tokens=len(table),
        camera_names=table.camera_names,
        keeps_observations=observations,
        pam_ros_version=pam_ros_version(),
    )
    with (
        TokenWriter(
            folder, info, shard_rows=shard_rows, max_rows=max_rows, max_bytes=max_bytes
        ) as writer,
        WaitingInterrupts() as interrupts,
    ):
        if writer.complete:
            return f"it holds all {writer.stored_rows} tokens already"
        if writer.last is not None:
            _LOG.info("goes on after episode %d, frame %d", *writer.last)
        started, before = time.monotonic(), writer.stored_rows
        try:
            for frame in source.frames(writer.last):
                if writer.full:
                    with interrupts.whole:
                        writer.flush()
                    return writer.full
                tokens, task = _tokens(policy, frame, saying)
                if policy.spec.layout != spec.layout:  # other words are other tokens
                    spec = policy.spec
                    table = token_table(spec.layout)
                rows, row_table = sampler.sample(tokens, table, frame.frame, episode=frame.episode)
                with interrupts.whole:
                    writer.add(
                        *(frame.episode, frame.frame, rows, row_table, frame.observation), task
                    )
                if progress is not None:
                    progress(frame.episode, writer.stored_rows)
        except (PamRosError, KeyboardInterrupt):
            # Whole frames all of them: no reason to make them again.
            with interrupts.whole:
                writer.flush()
            raise
        with interrupts.whole:
            writer.finish()
        rate = (writer.stored_rows - before) / max(time.monotonic() - started, 1e-9)
        _LOG.info("%d tokens, %.0f a second", writer.stored_rows, rate)
        return f"the source is read to its end: {writer.stored_rows} tokens"


def _width(policy: Policy, source: Source, saying: Saying) -> int:
    """Length of a token, from a pass on the source's first frame."""
    for frame in source.frames(None):
        return int(_tokens(policy, frame, saying)[0].shape[1])
    raise SaeError(f"{source.dataset}: there is no frame in it")


def _tokens(policy: Policy, frame: Frame, saying: Saying) -> tuple[NDArray[np.float32], str]:
    """(T, D) of a frame, and what the policy was told: the source's own pass, or one of it."""
    tokens, task = frame.tokens, frame.task
    if tokens is None:
        try:
            task = saying.at(frame.task)
            tokens = policy.explain(frame.observation).tokens
        except PolicyError as error:
            raise SaeError(f"episode {frame.episode}, frame {frame.frame}: {error}") from error
    if tokens is None:
        raise SaeError(f"{policy.spec.name} gives no tokens")
    return tokens, task
