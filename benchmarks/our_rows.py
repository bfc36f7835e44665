# SPDX-License-Identifier: Apache-2.0
"""Our own ticks, at every engine and dtype, and their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import ticks
from benchmarks.interleave import Row
from benchmarks.sizes import make_observation
from pam_ros.policy import PolicyError, wrap
from pam_ros.policy.engines import names
from pam_ros.policy.engines.int8_form import form_path, key_of
from pam_ros.policy.engines.quantise import FEWEST, quantise
from pam_ros.policy.engines.workshop import EngineFactory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sizes import Subject
    from pam_ros.policy.act.policy import ActPolicy

ENGINES = (
    ("eager", "float32"),
    ("compile", "float32"),
    ("openvino", "float32"),
    ("cuda_graph", "float32"),
    ("eager", "bfloat16"),
    ("compile", "bfloat16"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
    ("cuda_graph", "bfloat16"),
)
# What is timed, in words, and the function that makes it of a policy and a subject.
KINDS = {
    "forward": ("forward with weights", ticks.forward),
    "tick": ("forward, maps, overlays", ticks.tick),
    "images": ("tick with overlays, from images", ticks.from_images),
    "encoder": ("the same of an encoder layer", ticks.encoder_tick),
    "rollout": ("the same of the rollout", ticks.rollout_tick),
    "contribution": ("tick from images, maps of the contribution, overlays", ticks.contribution),
    "token_contribution": ("the same of the tokens' contribution", ticks.token_contribution),
    "contribution_alone": (
        "maps of the contribution alone, of a tick that has run",
        ticks.contribution_alone,
    ),
    "token_contribution_alone": (
        "the same alone of the tokens' contribution",
        ticks.token_contribution_alone,
    ),
}


class Ours:
    """The subject wrapped once per engine and dtype; what cannot run is kept as its reason.

    engines: those asked for that are for the subject's device.
    """

    def __init__(self, subject: Subject, engines: Sequence[tuple[str, str]] = ENGINES) -> None:
        self._subject = subject
        self.engines = [pair for pair in engines if runs_on(pair[0], subject.device)]
        self._made: dict[tuple[str, str], ActPolicy | str] = {}

    def policy(self, engine: str = "eager", dtype: str = "float32") -> ActPolicy | str:
        """The policy, or a sentence that says why there is none."""
        key = engine, dtype
        if key not in self._made:
            subject = self._subject
            processors = subject.preprocessor, subject.postprocessor
            try:
                if dtype == names.INT8:
                    _quantise(self._subject)
                made = wrap(subject.policy, *processors, engine=engine, dtype=dtype)
            except PolicyError as error:
                self._made[key] = str(error).split("\n", 1)[0]  # compilers say much more
            else:
                runs = (made.engine.name, made.engine.dtype)
                self._made[key] = made if runs == key else made.engine.reason
        return self._made[key]

    def facts(self) -> list[dict[str, object]]:
        """Per engine that was made: how long it took, and how far it is from eager float32."""
        facts = []
        for (engine, dtype), policy in self._made.items():
            if not isinstance(policy, str):
                error = policy.precision_error(self._subject.observation)
                facts.append(
                    {
                        "engine": engine,
                        "dtype": dtype,
                        "warmup_seconds": round(policy.engine.warmup_seconds, 2),
                        "chunk_error": float(f"{error.chunk:.2g}"),
                        "attention_error": float(f"{error.attention:.2g}"),
                    }
                )
        return facts

    def rows(self, kind: str) -> list[Row]:
        """One row of KINDS for each engine."""
        return [self.row(kind, *pair) for pair in self.engines]

    def row(self, kind: str, engine: str, dtype: str) -> Row:
        """One row of KINDS; missing where the engine cannot run here."""
        what, make = KINDS[kind]
        key, label = f"ours_{kind}_{engine}_{dtype}", f"ours, {engine} {dtype}: {what}"
        policy = self.policy(engine, dtype)
        if isinstance(policy, str):
            return Row(key, label, None, policy)
        return Row(key, label, make(policy, self._subject))


def runs_on(engine: str, device: str) -> bool:
    """Whether an engine is for this kind of device; what is no engine says so in its row."""
    entry = names.ENGINES.get(engine)
    return entry is None or entry.device in {"", device.partition(":")[0]}


def _quantise(subject: Subject) -> None:
    """Make the subject's int8 form, on noise as all that is timed here, unless it is there.

    Raises:
        PolicyError: it cannot be made.
    """
    policy = wrap(subject.policy, subject.preprocessor, subject.postprocessor, engine="eager")
    if form_path(key_of(EngineFactory(policy.model, policy.spec))).exists():
        return
    cameras = {camera.feature: (camera.height, camera.width) for camera in policy.spec.cameras}
    quantise(policy, [make_observation(cameras, seed) for seed in range(1, FEWEST + 1)], "noise")
