# SPDX-License-Identifier: Apache-2.0
"""Every value that the inference node says on /diagnostics, and where it comes from.

A new value is a row of VALUES and a key in the `values` of the part of the node that knows it, or
in `Health` if it is counted there. The page diagnostics.md is made of this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VALUES: dict[str, str] = {
    # nodes/act/health.py
    "safety_state": "Where the safety state machine is: disabled, running, holding or fault.",
    "safety_reason": "Why it is there.",
    "ticks": "Control periods so far.",
    "rate_hz": "Ticks a second since the last report.",
    "target_rate_hz": "The contract's rate.",
    "maps_per_second": "Maps that were shown, a second. Below 0.5 the status warns and says why.",
    "observation_to_command_ms_*": "From the newest stamp of an observation to its command.",
    "forward_ms_*": "A forward pass of the policy.",
    "show_ms_*": "Maps, pictures and tokens of a tick.",
    "tick_ms_*": "A whole tick.",
    "observation_age_ms_*": "The age of the oldest message of a set when its tick begins.",
    "inference_skipped": "Ticks whose pass was left out, or replaced by a newer one.",
    "invalid_ticks": "Ticks without a map for another reason.",
    "overlay_errors": "Pictures that could not be drawn.",
    "bad_messages_*": "Messages of a source that could not be used.",
    "last_bad_message": "Why the last of them could not.",
    # nodes/act/device_memory.py
    "memory_mb": "Resident memory of the process.",
    "gpu_memory_mb": "Memory of the GPU in tensors.",
    "gpu_memory_reserved_mb": "Memory of the GPU that torch holds.",
    # nodes/act/ticks.py
    "episode": "Episodes since start-up: resets.",
    # nodes/act/sources.py
    "messages_received": "Messages that came.",
    "messages_unstamped": "Dropped: their stamp is 0.",
    "messages_clock_reset": "Times that the stamps' clock was set back.",
    "messages_duplicate": "Dropped: the stamp is that of the message before.",
    "messages_out_of_order": "Dropped: older than the message before.",
    "messages_overflow": "Dropped: too many waited for the others of their set.",
    "messages_future": "Stamps ahead of the node's clock.",
    "messages_skipped": "Of the trigger, passed over by a tick that took its time.",
    "messages_stale": "Moments without a tick: a source was too old.",
    "messages_repeated": "Moments without a tick: there was nothing new.",
    "messages_waiting": "Moments without a tick: a source was silent.",
    "messages_video_*": "Packets of a video that gave no picture, by cause.",
    # nodes/act/commander.py
    "safety_refused": "Commands that were not sent.",
    "safety_clamped": "Commands that a limit changed.",
    "safety_late": "Times that the robot was held because a command was late.",
    "safety_faults": "Faults: the robot stays held until it is enabled again.",
    "safety_wait_max_s": "The longest wait for an action since the last report [s].",
    "commands": "Commands sent.",
    "commands_without_effect": "Why it seems that nobody follows them. Empty if somebody does.",
    "units": "Whether the contract's units agree with the policy's training data.",
    "command_guard": "off, starting or watching; it holds the robot if the node dies.",
    "command_guard_commands": "Commands that the guard sent.",
    "command_guard_restarts": "Times that the guard was started anew.",
    # nodes/act/engine_health.py
    "engine": "What computes the forward pass.",
    "engine_dtype": "In which precision.",
    "engine_warmup_s": "How long it took to get ready [s].",
    "engine_reason": "Why it was chosen.",
    "precision_error": "Why the error below is not measured.",
    "precision_error_observations": "On how many observations it was measured.",
    "precision_error_chunk": "Largest difference of a chunk from float32, normalised.",
    "precision_limit_chunk": "Beyond this difference the robot is not enabled.",
    "precision_error_attention": "Largest difference of an attention weight from float32.",
    # nodes/act/words.py
    "instruction": "What a policy that reads words is told.",
    "instruction_from": "parameter, which ~/instruction sets too, contract, or policy: its own.",
    "instruction_changes": "How often it was changed since the node was configured.",
    # nodes/act/feature_editing.py
    "edit": "The feature that is edited, and how.",
    "edit_chunk_change_max": "How far the edit moved a chunk, normalised.",
    # nodes/act/execution.py, tick/beside.py, tick/plan.py
    "execution": "blocking or async.",
    "passes_beside": "Passes that ran beside the commands.",
    "passes_replaced": "Observations that a newer one replaced before their pass began.",
    "passes_before_refill_left_out": "Passes that might have delayed the next chunk.",
    "pass_beside_estimate_ms": "How long the next one may take.",
    "refills": "Chunks that were computed when the queue was empty.",
    "refills_waited": "Of these, how many waited for a pass beside.",
    "refill_wait_ms_max": "The longest recent wait.",
    "refills_beside_a_contribution": "Chunks that shared the cores with one, and did not wait.",
    "chunks_adopted": "Async: chunks that came in time.",
    "chunks_too_late": "Async: chunks of which nothing was left.",
    "chunk_rows_dropped": "Async: rows of chunks that came too late.",
    "ticks_without_chunk": "Async: ticks that held the robot, since no chunk was there.",
    "maps_left_out": "Maps that took longer than commands do, while commands went out.",
    "maps_before_refill_left_out": "Contributions that might have delayed the next chunk.",
    # nodes/act/live_method.py
    "attention_method": "What `attention_method: auto` shows now.",
    "attention_method_reason": "Why.",
    # nodes/act/explained_by.py
    "explained_by": "What computes the gradients of contributions.",
    "explained_chunk_difference": "Of their chunk from the commands', normalised; the last.",
    "explained_chunk_difference_max": "The largest so far.",
    # nodes/act/tick_publisher.py
    "tokens": "TokenActivations published.",
    "overlays_*": "Overlays published of a camera.",
    "overlay_subscribers": "Subscriptions to the ticks' overlays, in all. If 0, none is drawn.",
    # nodes/act/offered.py
    "can_show": "JSON: the methods that can be set, with their stacks, and the joints.",
}
"""Meaning by key; a key that ends in * stands for all that begin so."""


def meaning(key: str) -> str | None:
    """What a value means; None if no row of VALUES has its key."""
    if key in VALUES:
        return VALUES[key]
    families = (name for name in VALUES if name.endswith("*"))
    return next((VALUES[name] for name in families if key.startswith(name[:-1])), None)


class Diagnostics:
    """Gathers what the parts of a node know.

    Args:
        parts: each called once a report for its values by key.
    """

    def __init__(self, *parts: Callable[[], Mapping[str, object]]) -> None:
        self._parts = parts

    def values(self) -> dict[str, object]:
        """All values, in the order of the parts."""
        return {key: value for part in self._parts for key, value in part().items()}
