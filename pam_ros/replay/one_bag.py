# SPDX-License-Identifier: Apache-2.0
"""Replays one recording into a new bag."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT
from pam_ros.attention.selection import make_selection
from pam_ros.bags.errors import BagError
from pam_ros.replay.by_maps import ByMaps
from pam_ros.replay.by_stamps import ByStamps
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.features import MEMORY as FEATURES_MEMORY
from pam_ros.replay.features import TOPIC as FEATURES_TOPIC
from pam_ros.replay.features import Features
from pam_ros.replay.messages import Messages, header_stamp
from pam_ros.replay.no_ticks import why_no_ticks
from pam_ros.replay.output import ReplayOutput
from pam_ros.replay.recorded import RecordedTicks, first_look, selection_of
from pam_ros.replay.result import ReplayReport
from pam_ros.replay.source_bag import SourceBag
from pam_ros.replay.source_dataset import SourceDataset, is_dataset
from pam_ros.replay.tick_output import TickOutput
from pam_ros.replay.ticker import Ticker
from pam_ros.replay.topics import bound_contract, resolve_contract, sources_of
from pam_ros.robot import ENVIRONMENT
from pam_ros.robot.topics import topics_of
from pam_ros.tick.attention_map import ATTENTION_MAP
from pam_ros.tick.sae_features import SAE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pam_ros.attention.selection import Selection
    from pam_ros.bags.reader import BagMessage
    from pam_ros.policy.interface import Policy
    from pam_ros.replay.observed import ObservedTick
    from pam_ros.replay.recorded import Look
    from pam_ros.replay.settings import ReplaySettings
    from pam_ros.replay.ticker import ReplayedTick

_LOG = logging.getLogger(__name__)


def load(settings: ReplaySettings) -> Policy:
    """The policy of the settings.

    Raises:
        PolicyError: it cannot be loaded.
    """
    import torch  # noqa: PLC0415  (slow to load)

    from pam_ros.policy import load_policy  # noqa: PLC0415

    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder = Path(settings.policy).expanduser()
    return load_policy(
        # By its full path, the messages name a folder as those of the live node do.
        folder.resolve() if folder.is_dir() else settings.policy,
        device=settings.device,
        n_action_steps=settings.n_action_steps or None,
        temporal_ensemble_coeff=settings.temporal_ensemble_coeff,
    )


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
        "recording": _fingerprint(bag),
        "policy_sha256": policy.spec.sha256,
        "settings": settings.identity(),
    }
    output = ReplayOutput(
        out,
        identity,
        storage=settings.storage,
        compression=settings.compression,
        part_seconds=settings.part_seconds,
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
        self._settings = settings
        self._spec = policy.spec
        self._output = output
        self._messages = Messages()
        self._recorded = RecordedTicks()
        self._bag: SourceBag | SourceDataset
        if is_dataset(bag):
            given = bound_contract(settings.contract, policy.spec) if settings.contract else None
            self._bag = SourceDataset(bag, policy, self._messages, given, settings.episodes)
            self._contract = self._bag.contract
            self._recorded.ticks = self._bag.ticks
        else:
            if settings.episodes:
                raise ReplayError(f"--episodes is for LeRobot datasets; {bag} is a bag")
            self._bag = SourceBag(bag, output.work)
            types = {topic.name: topic.type for topic in self._bag.topics.values()}
            self._contract = resolve_contract(
                settings.contract, policy.spec, types, settings.remaps, bag
            )
            topics = topics_of(self._contract, settings.node)
            chooses = not settings.ignore_maps and not settings.rate_hz
            if types.get(topics.attention) == ATTENTION_MAP and chooses:
                self._read_maps(self._bag, topics.attention)
        self._sources = sources_of(self._contract)
        names = list(dict.fromkeys(self._sources.values()))
        self._order: ByMaps | ByStamps = (
            ByMaps(self._recorded.ticks, names)
            if self._recorded.ticks
            else ByStamps(self._contract, settings.rate_hz or None)
        )
        self._looks: dict[Look, Selection] = {}
        self._default = self._default_selection()
        self._ticker = Ticker(policy, self._contract, self._bag.decode)
        self._out = TickOutput(
            output,
            self._messages,
            self._contract,
            policy.spec,
            node=settings.node,
            overlays=settings.overlays,
            period_s=1.0 / (settings.rate_hz or self._contract.rate_hz),
        )
        self._features: Features | None = None
        if settings.sae:
            self._features = Features(settings.sae, policy, self._messages)
            self._out.announce(FEATURES_TOPIC, SAE_FEATURES)
        self._copied = self._announce_copies()
        # Ticks whose state depends on no tick before them, and their numbers: where to begin again.
        self._fresh: deque[tuple[int, int, int]] = deque()
        self._memory = max(
            policy.spec.chunk_size + policy.spec.history - 1,
            DRAWING.window if settings.overlays else 0,
            FEATURES_MEMORY if settings.sae else 0,
        )
        self._lost_before = 0
        self._events = self._ticks = self._ran = 0
        self._done_ticks = self._warm_from = 0
        self._asked = self._default
        self._waiting: list[tuple[int, ObservedTick]] = []
        self._damaged = 0

    def run(self, begin: float, progress: Callable[[float, int], object] | None) -> ReplayReport:
        """Replay all of it."""
        done_events = self._resume()
        span = max(self._bag.end_ns - self._bag.start_ns, 1)
        for event in self._all_events():
            self._events += 1
            if isinstance(event, tuple):
                if self._take(*event) and progress is not None:
                    passed = event[1].received_ns - self._bag.start_ns
                    progress(min(max(passed / span, 0.0), 1.0), self._ticks)
            elif self._events > done_events:
                self._output.write(event.topic, event.data, event.stamp_ns)
            if self._events > done_events and not self._waiting and self._output.part_is_due:
                self._keep()
        self._run_batch()
        report = self._report(begin)
        if not report.ticks:
            self._output.forget()
            raise ReplayError(why_no_ticks(report.counts, self._ticker.unusable, self._order))
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
        self._bag.close()
        return report

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
        selection = self._selection(observed)
        if selection != self._asked:
            self._run_batch()
            self._asked = selection
        self._waiting.append((index, observed))
        if len(self._waiting) < self._settings.batch:
            return False
        self._run_batch()
        return True

    def _run_batch(self) -> None:
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        for ticked in self._ticker.run(batch, self._asked):
            self._write(ticked, keep=ticked.index >= self._done_ticks)
        self._ticks = batch[-1][0] + 1

    def _write(self, ticked: ReplayedTick, *, keep: bool) -> None:
        tick, received = ticked.tick, ticked.observed.received_ns
        self._note_fresh(ticked)
        self._out.write_overlays(tick, received, keep=keep)
        message = self._out.attention(tick)
        if self._features is not None:
            if keep and not self._ran and self._lost_before:
                self._features.count_lost_from(self._lost_before)
            features = self._features.message(tick.outcome, message.header)
            if keep:
                self._out.write(FEATURES_TOPIC, features, SAE_FEATURES, received)
        if not keep:
            return
        self._ran += 1
        self._out.write(self._out.attention_topic, message, ATTENTION_MAP, received)
        if ticked.action is not None:
            self._out.write_command(ticked.action, tick.inputs.stamp_ns, received)
        if tick.maps is not None and tick.outcome.output is not None:
            self._out.write_chunk(tick.outcome.output.chunk, tick.inputs.stamp_ns, received)

    def _note_fresh(self, ticked: ReplayedTick) -> None:
        """Keep where a stopped replay may begin again: at a tick that depends on none before it."""
        outcome = ticked.tick.outcome
        if self._spec.chunk_mode != "queue" or outcome.command_source_tick == outcome.tick:
            self._fresh.append((ticked.index, outcome.episode, outcome.tick))
            while len(self._fresh) > 1 and self._fresh[1][0] <= ticked.index - self._memory:
                self._fresh.popleft()

    def _keep(self) -> None:
        warm_from = self._fresh[0] if self._fresh else (0, 0, 0)
        self._output.keep(
            events=self._events,
            ticks=self._ticks,
            warm_from=warm_from,
            counts=dict(self._ticker.counts),
            lost=0 if self._features is None else self._features.lost,
        )

    def _all_events(self) -> Iterator[BagMessage | tuple[int, ObservedTick]]:
        """Messages to copy and ticks with their index, the same at every replay."""
        index = 0
        for message in self._bag.messages(self._wanted):
            if message.topic in self._copied:
                yield message
            source = self._sources.get(message.topic)
            if source is None:
                continue
            stamp = 0
            if source != ENVIRONMENT:
                try:
                    stamp = header_stamp(message.data)
                except (ValueError, IndexError):
                    self._damaged += 1
                    continue
            for observed in self._order.add(source, stamp, message):
                yield index, observed
                index += 1
        for observed in self._order.end():
            yield index, observed
            index += 1

    @property
    def _wanted(self) -> list[str]:
        names = {*self._sources, *self._copied}
        return [name for name in self._bag.topics if name in names]

    def _announce_copies(self) -> frozenset[str]:
        if not self._settings.copy_topics:
            return frozenset()
        taken = set(self._out.topics)
        node = f"{self._settings.node}/attention/"
        copied = set()
        for topic in self._bag.topics.values():
            # Overlays of the live run would not be of the new maps.
            if topic.name in taken or topic.name.startswith(node):
                continue
            if self._messages.knows(topic.type):
                self._output.add_topic(topic.name, topic.type, topic.qos[0] if topic.qos else None)
                copied.add(topic.name)
            else:
                self._bag.notes.append(f"{topic.name} is not copied: {topic.type} is not known")
        return frozenset(copied)

    def _read_maps(self, bag: SourceBag, topic: str) -> None:
        for message in bag.messages([topic]):
            try:
                self._recorded.take(bag.decode(message), message.stamp_ns)
            except BagError as error:  # noqa: PERF203  (a damaged map does not end it)
                bag.notes.append(str(error))
        others = self._recorded.policies - {self._spec.sha256}
        if others:
            _LOG.warning("the maps in %s are of another policy's weights", self._bag.path)
        if self._recorded.modes - {self._spec.chunk_mode}:
            _LOG.warning(
                "%s was recorded in the mode %s, this policy runs in %s",
                *(self._bag.path, ", ".join(self._recorded.modes), self._spec.chunk_mode),
            )

    def _default_selection(self) -> Selection:
        settings = self._settings
        if not settings.method:
            look = first_look(self._recorded.ticks)
            if look is not None:
                return selection_of(look, self._spec)
        method = settings.method or ROLLOUT
        try:
            return make_selection(method, settings.layer, settings.head, settings.query, self._spec)
        except AttentionError as error:
            raise ReplayError(str(error).replace("'attention_", "'")) from error

    def _selection(self, observed: ObservedTick) -> Selection:
        recorded = observed.recorded
        if self._settings.method or recorded is None or recorded.look is None:
            return self._default
        if recorded.look not in self._looks:
            self._looks[recorded.look] = selection_of(recorded.look, self._spec)
        return self._looks[recorded.look]

    def _report(self, begin: float) -> ReplayReport:
        counts = self._ticker.counts + self._order.counts + Counter(damaged=self._damaged)
        valid, invalid = counts.pop("valid", 0), counts.pop("invalid", 0)
        notes = list(self._bag.notes)
        if self._features is not None and self._features.no_score:
            notes.append(f"no out-of-distribution score: {self._features.no_score}")
        if self._ticker.unusable:
            notes.append(f"{counts['unusable']} sets are not usable, such as: "
                         f"{self._ticker.unusable}")  # fmt: skip
        return ReplayReport(
            bag=str(self._bag.path),
            out=str(self._output.path),
            ticks=valid + invalid,
            valid=valid,
            ran=self._ran,
            seconds=time.monotonic() - begin,
            counts={cause: count for cause, count in sorted(counts.items()) if count},
            notes=tuple(notes),
        )


def _fingerprint(bag: Path) -> dict[str, Any]:
    """What tells one recording from another, without reading it."""
    if is_dataset(bag):
        bag = bag / "meta" if bag.is_dir() else bag
    if not bag.exists():
        if is_dataset(bag):
            return {"dataset": str(bag)}
        raise ReplayError(f"bag {bag} does not exist")
    files = sorted(bag.iterdir()) if bag.is_dir() else [bag]
    return {
        "path": str(bag.resolve()),
        "files": [[f.name, f.stat().st_size] for f in files if f.is_file()],
    }
