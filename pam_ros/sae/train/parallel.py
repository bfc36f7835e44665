# SPDX-License-Identifier: Apache-2.0
"""Several processes that train one SAE, started by torchrun or accelerate.

Both set RANK, WORLD_SIZE, LOCAL_RANK and MASTER_ADDR. Every process holds the whole SAE, takes its
part of each batch, and the gradients are averaged.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ranks:
    """This process among its fellows; alone where nobody started several.

    Args:
        device: "auto", "cpu", "cuda" ...; with several GPUs each process takes its own.

    Raises:
        SaeError: the device cannot be used.
    """

    def __init__(self, device: str = "auto") -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
        if cuda and device in {"auto", "cuda"}:
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        elif device == "auto":
            device = "cpu"
        try:
            self.device = torch.device(device)
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).split("\n")[0]
            raise SaeError(f"device {device!r} cannot be used here: {reason}") from error
        if self.size > 1 and not distributed.is_initialized():
            if cuda:
                torch.cuda.set_device(self.device)
            distributed.init_process_group("nccl" if cuda else "gloo")

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def part(self, rows: int) -> slice:
        """Which rows of a batch are this process's."""
        each = rows // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            stop = start + gradient.numel()
            gradient.copy_(flat[start:stop].view_as(gradient))
            start = stop

    def least(self, values: Tensor) -> None:
        """Replace a tensor by its minimum over the processes."""
        if self.size > 1:
            distributed.all_reduce(values, distributed.ReduceOp.MIN)

    def meet(self) -> None:
        """Wait for all, before leaving: a process whose peer has gone can end in gloo's abort."""
        if self.size > 1:
            distributed.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()


def mean_over_ranks(value: Tensor) -> Tensor:
    """The mean over all processes; the value itself where there is one."""
    if not distributed.is_available() or not distributed.is_initialized():
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
