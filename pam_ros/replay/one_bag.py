# SPDX-License-Identifier: Apache-2.0
"""Replays one recording into a new bag."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pam_ros.bags.messages import Messages
from pam_ros.observations.find import is_dataset
from pam_ros.observations.observed import ObservedTick
from pam_ros.observations.observed_ticks import ObservedTicks
from pam_ros.observations.recording import open_recording
from pam_ros.replay.copies import Copies
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.features import TOPIC as FEATURES_TOPIC
from pam_ros.replay.features import Features
from pam_ros.replay.further import further_labels, targets_of
from pam_ros.replay.looks import Looks
from pam_ros.replay.no_ticks import why_no_ticks
from pam_ros.replay.opening import fingerprint, load
from pam_ros.replay.output import ReplayOutput
from pam_ros.replay.recorded import computed_ahead
from pam_ros.replay.recorded_maps import chosen_ticks
from pam_ros.replay.result import ReplayReport
from pam_ros.replay.starts import Starts
from pam_ros.replay.tick_output import TickOutput
from pam_ros.replay.ticker import Ticker
from pam_ros.replay.words import Words
from pam_ros.robot.topics import topics_of
from pam_ros.tick.attention_map import ATTENTION_MAP
from pam_ros.tick.sae_features import SAE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pam_ros.policy.interface import Policy
    from pam_ros.replay.settings import ReplaySettings
    from pam_ros.replay.ticker import ReplayedTick

_LOG = logging.getLogger(__name__)


def replay_bag(
    bag: Path,
    out: Path,
    settings: ReplaySettings,
    progress: Callable[[float, int], object] | None = None,
) -> ReplayReport:
    """Replay a bag; goes on where the last replay of the same was stopped.

    Args:
        bag: folder or file.
        out: folder of the new bag.
        settings: what to do.
        progress: called with the part of the recording that is done, 0 to 1, and the ticks so far.

    Raises:
        PamRosError: the recording, the policy or a setting cannot be used, or the recording gives
            no tick.
        OSError: the disk refuses.
    """
    policy = load(settings)
    begin = time.monotonic()
    identity = {
        "recording": fingerprint(bag),
        "policy_sha256": policy.spec.sha256,
        "settings": settings.identity(),
    }
    output = ReplayOutput(
        out,
        identity,
        storage=settings.storage,
        compression=settings.compression,
        part_seconds=settings.part_seconds,
        metadata_version=settings.metadata_version,
    )
    try:
        return _Replay(bag, output, settings, policy).run(begin, progress)
    except BaseException:
        output.abandon()
        raise


class _Replay:
    """One bag on its way into another."""

    def __init__(
        self, bag: Path, output: ReplayOutput, settings: ReplaySettings, policy: Policy
    ) -> None:
        if settings.episodes and not is_dataset(bag):
            raise ReplayError(f"--episodes is for LeRobot datasets; {bag} is a bag")
        self._settings = settings
        self._output = output
        messages = Messages()
        opened = open_recording(bag, policy, settings.reading, output.work)
        self._words = Words(settings, policy, opened)
        spec = policy.spec
        self._recording, contract = opened.recording, opened.contract
        recorded = chosen_ticks(opened, settings, spec)
        self._passing = ObservedTicks(opened, spec.environment_dim, recorded, settings.rate_hz)
        joints, topics = contract.command.labels, topics_of(contract, settings.node)
        further = further_labels(self._recording, topics, settings)
        also = targets_of(further, joints, spec.chunk_size)
        self._looks = Looks(settings, policy, recorded, joints, also)
        ahead = spec.chunk_mode == "queue" and computed_ahead(recorded)
        self._ticker = Ticker(policy, contract, self._passing.observe, ahead=ahead)
        self._out = TickOutput(
            output,
            messages,
            contract,
            spec,
            node=settings.node,
            overlays=settings.overlays,
            period_s=1.0 / (settings.rate_hz or contract.rate_hz),
            further=[target.label(joints) for target in also],
        )
        self._features: Features | None = None
        if settings.sae:
            self._features = Features(settings.sae, policy, messages)
            self._out.announce(FEATURES_TOPIC, SAE_FEATURES)
        self._copies = Copies(output, messages, self._recording)
        if settings.copy_topics:
            # Overlays of the live run would not be of the new maps.
            below = f"{settings.node}/attention/", topics.further
            self._copies.announce(set(self._out.topics), *below)
        self._starts = Starts(settings, spec, ahead=ahead)
        self._lost_before = 0
        self._events = self._ticks = self._ran = 0
        self._done_ticks = self._warm_from = 0
        self._asked = self._looks.default, ""
        self._waiting: list[tuple[int, ObservedTick]] = []

    def run(self, begin: float, progress: Callable[[float, int], object] | None) -> ReplayReport:
        """Replay all of it."""
        done_events, index = self._resume(), 0
        for event in self._passing.events(self._copies.topics):
            self._events += 1
            if isinstance(event, ObservedTick):
                if self._take(index, event) and progress is not None:
                    progress(self._part(event.received_ns), self._ticks)
                index += 1
            elif self._events > done_events:
                self._copies.write(event)
            if self._events > done_events and not self._waiting and self._output.part_is_due:
                self._keep()
        self._run_batch()
        report = self._report(begin)
        if not report.ticks:
            self._output.forget()
            why = self._passing.why_none()
            raise ReplayError(why_no_ticks(report.counts, self._ticker.unusable, why))
        self._keep()
        if progress is not None:
            progress(1.0, self._ticks)
        self._output.finish(
            {
                "ticks": report.ticks,
                "valid": report.valid,
                "counts": report.counts,
                "notes": list(report.notes),
            }
        )
        self._recording.close()
        return report

    def _part(self, received_ns: int) -> float:
        """How much of the recording has passed by then, 0 to 1."""
        span = max(self._recording.end_ns - self._recording.start_ns, 1)
        return min(max((received_ns - self._recording.start_ns) / span, 0.0), 1.0)

    def _resume(self) -> int:
        """Go to where the last replay was stopped; how many events it had worked off."""
        state = self._output.state
        events: int = state.get("events", 0)
        if events:
            self._done_ticks = self._ticker.count_from = state["ticks"]
            self._warm_from, episode, tick = state["warm_from"]
            self._ticker.counts.update(state["counts"])
            self._ticker.begin(episode, tick)
            self._lost_before = state["lost"]
            _LOG.info("%s: goes on after %d ticks", self._output.path, self._done_ticks)
        return events

    def _take(self, index: int, observed: ObservedTick) -> bool:
        """Add a tick to the batch; whether the batch was run."""
        if index < self._warm_from:
            return False
        asked = self._looks.of(observed), self._words.of(observed)
        if asked != self._asked:
            self._run_batch()
            self._asked = asked
        self._waiting.append((index, observed))
        if len(self._waiting) < self._settings.batch:
            return False
        self._run_batch()
        return True

    def _run_batch(self) -> None:
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        for ticked in self._ticker.run(batch, *self._asked):
            self._write(ticked, keep=ticked.index >= self._done_ticks)
        self._ticks = batch[-1][0] + 1

    def _write(self, ticked: ReplayedTick, *, keep: bool) -> None:
        tick, received = ticked.tick, ticked.observed.received_ns
        self._starts.note(ticked)
        self._out.write_overlays(tick, received, keep=keep)
        message = self._out.attention(tick)
        if self._features is not None:
            if keep and not self._ran and self._lost_before:
                self._features.count_lost_from(self._lost_before)
            features = self._features.message(tick.outcome, message.header, ticked.layout)
            if keep:
                self._out.write(FEATURES_TOPIC, features, SAE_FEATURES, received)
        if not keep:
            return
        self._ran += 1
        self._out.write(self._out.attention_topic, message, ATTENTION_MAP, received)
        self._out.write_further(tick, received)
        if ticked.action is not None:
            self._out.write_command(ticked.action, tick.inputs.stamp_ns, received)
        if tick.maps is not None and tick.outcome.output is not None:
            self._out.write_chunk(tick.outcome.output.chunk, tick.inputs.stamp_ns, received)

    def _keep(self) -> None:
        self._output.keep(
            events=self._events,
            ticks=self._ticks,
            warm_from=self._starts.last,
            counts=dict(self._ticker.counts),
            lost=0 if self._features is None else self._features.lost,
        )

    def _report(self, begin: float) -> ReplayReport:
        counts = self._ticker.counts + self._passing.counts
        valid, invalid = counts.pop("valid", 0), counts.pop("invalid", 0)
        notes = [*self._recording.notes, *self._passing.notes]
        if self._features is not None and self._features.no_score:
            notes.append(f"no out-of-distribution score: {self._features.no_score}")
        if self._ticker.unusable:
            notes.append(f"{counts['unusable']} sets are not usable, such as: "
                         f"{self._ticker.unusable}")  # fmt: skip
        return ReplayReport(
            bag=str(self._recording.path),
            out=str(self._output.path),
            ticks=valid + invalid,
            valid=valid,
            ran=self._ran,
            seconds=time.monotonic() - begin,
            counts={cause: count for cause, count in sorted(counts.items()) if count},
            notes=tuple(notes),
        )
