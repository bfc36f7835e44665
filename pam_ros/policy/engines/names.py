# SPDX-License-Identifier: Apache-2.0
"""The engines there are, by one name each: what makes them, where they run, and when "auto" does.

A new one is a file beside this one, with a function from an EngineFactory and a dtype to an
Engine, and an entry here. Nothing of torch is imported: parameters and `--help` have the names at
once.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


FLOATS = ("float32", "bfloat16")
INT8 = "int8"
DTYPES = (*FLOATS, INT8)
"""The precisions of a forward pass."""


class EngineEntry(NamedTuple):
    """One engine.

    Attributes:
        name: for settings, parameters, messages and reports.
        make: what makes it, as "module:function" of this folder. It raises PolicyError for what
            else it needs: a package, a compiler, a graph that it takes.
        device: the one kind of torch device that it runs on; empty for any.
        needs: that device in words, for errors.
        auto: why "auto" picks it, by kind of device; "" stands for any other.
        faster: whether it outruns the eager pass on a CPU, where people should hear of it.
        dtypes: what it computes in, of DTYPES.
    """

    name: str
    make: str
    device: str = ""
    needs: str = ""
    auto: Mapping[str, str] = MappingProxyType({})
    faster: bool = False
    dtypes: tuple[str, ...] = FLOATS


EAGER = "eager"
ENGINES = {
    entry.name: entry
    for entry in (
        EngineEntry(
            EAGER,
            "eager:make_eager",
            auto={
                "cpu": "on the cpu eager is ready at once; openvino, if installed, is faster",
                "": "the device is {device}, and eager runs on any",
            },
        ),
        EngineEntry("compile", "compiled:make_compiled"),
        EngineEntry(
            "openvino",
            "openvino:make_openvino",
            "cpu",
            "device cpu",
            faster=True,
            dtypes=(*FLOATS, INT8),
        ),
        EngineEntry(
            "cuda_graph",
            "cuda_graph:make_cuda_graph",
            "cuda",
            "a CUDA device",
            auto={"cuda": "the device is CUDA"},
        ),
    )
}
"""By name, in the order in which people are told them."""
CHOICES = ("auto", *ENGINES)
"""What a setting may ask for."""


CHUNK_LIMIT = 0.25
"""How far a chunk may be from float32's, in the normalised units of the actions.

An engine beyond it moves no robot: docs/decisions/int8.md has what it was chosen by.
"""
CHECKED_FIRST = frozenset({INT8})
"""Dtypes that move no robot before they were compared with float32 on its own observations."""


def auto_choice(device: str, dtype: str = FLOATS[0]) -> tuple[str, str]:
    """What "auto" stands for on a kind of device, and why.

    A dtype that one engine alone has chooses that, wherever it runs.
    """
    able = [entry.name for entry in ENGINES.values() if dtype in entry.dtypes]
    if len(able) == 1:
        return able[0], f"auto: {able[0]} alone computes in {dtype}"
    for kind in (device, ""):
        for entry in ENGINES.values():
            if kind in entry.auto and dtype in entry.dtypes:
                return entry.name, f"auto: {entry.auto[kind].format(device=device)}"
    message = f"no engine is picked on {device}"
    raise LookupError(message)


def faster_than(name: str, dtype: str) -> tuple[str, ...]:
    """What would be faster on a CPU than an engine that runs: other engines, or another dtype."""
    faster = tuple(entry.name for entry in ENGINES.values() if entry.faster)
    if name not in faster:
        return faster
    dtypes = ENGINES[name].dtypes
    return dtypes[dtypes.index(dtype) + 1 :][:1]
