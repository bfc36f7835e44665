# SPDX-License-Identifier: Apache-2.0
"""Where hook points are in lerobot's modules, and how a visitor gets there.

A visitor is given each activation, batch first, and returns what the pass goes on with: the very
tensor if it changed nothing, and then nothing is done to the module's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from pam_ros.policy.hooks.points import HookPoint

    Visitor = Callable[[Tensor, int], Tensor]
    Remove = Callable[[], None]


class Passes:
    """Counts passes, so that a pass that broke off does not put out the next one's steps."""

    def __init__(self) -> None:
        self.number = 0

    def begin(self) -> None:
        """A pass begins."""
        self.number += 1


class Site(Protocol):
    """A hook point in the modules of one policy."""

    @property
    def point(self) -> HookPoint:
        """Its name and form."""
        ...

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """Have passes call visit(activation, step) here, until what this returns is called."""
        ...


class Counter:
    """Which of several calls of a pass this one is."""

    def __init__(self, passes: Passes) -> None:
        self._passes, self._pass, self._calls = passes, -1, 0

    def next(self) -> int:
        """From 0 in each pass."""
        if self._pass != self._passes.number:
            self._pass, self._calls = self._passes.number, 0
        self._calls += 1
        return self._calls - 1


def same(value: Any) -> Any:
    """A module's tensor is the activation as it is."""
    return value


def instead(_old: Any, new: Tensor) -> Any:
    """And a new one takes its place."""
    return new


@dataclass(frozen=True, eq=False)
class OutputSite:
    """What a module gives.

    Attributes:
        point: its name and form.
        module: whose output it is.
        read: from the output to the activation.
        write: from the output and a new activation to a new output.
        calls: of the module in each step, of which this is number `call`: one a camera.
    """

    point: HookPoint
    module: nn.Module
    read: Callable[[Any], Tensor] = same
    write: Callable[[Any, Tensor], Any] = instead
    calls: int = 1
    call: int = 0

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """See Site."""
        counter = Counter(passes)

        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            step, call = divmod(counter.next(), self.calls)
            if call != self.call:
                return None
            given = self.read(output)
            new = visit(given, step % self.point.steps)
            return None if new is given else self.write(output, new)

        return self.module.register_forward_hook(hook).remove


@dataclass(frozen=True, eq=False)
class InputSite:
    """What a module reads as its first argument. Attributes as of OutputSite."""

    point: HookPoint
    module: nn.Module
    read: Callable[[Any], Tensor] = same
    write: Callable[[Any, Tensor], Any] = instead

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """See Site."""
        counter = Counter(passes)

        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> Any:
            given = self.read(inputs[0])
            new = visit(given, counter.next() % self.point.steps)
            return None if new is given else (self.write(inputs[0], new), *inputs[1:])

        return self.module.register_forward_pre_hook(hook).remove


@dataclass(frozen=True, eq=False)
class MethodSite:
    """What a method gives that is no module; it is wrapped on the instance meanwhile."""

    point: HookPoint
    owner: Any
    method: str

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """See Site."""
        counter, before = Counter(passes), getattr(self.owner, self.method)
        own = vars(self.owner).get(self.method)

        def wrapped(*arguments: Any, **options: Any) -> Tensor:
            return visit(before(*arguments, **options), counter.next() % self.point.steps)

        setattr(self.owner, self.method, wrapped)

        def remove() -> None:
            if own is None:
                vars(self.owner).pop(self.method)
            else:
                setattr(self.owner, self.method, own)

        return remove


def unhook(copied: nn.Module) -> None:
    """Take every hook off a copy of a model's modules, so that it is the model as it is."""
    for module in copied.modules():
        module._forward_hooks.clear()  # noqa: SLF001  (copies of the dicts: the model keeps its own)
        module._forward_pre_hooks.clear()  # noqa: SLF001
        for name in ("forward", "_prepare_global_conditioning"):
            vars(module).pop(name, None)
