# SPDX-License-Identifier: Apache-2.0
"""Encode, select, decode, with gradients that touch the active features alone.

With k of F features active, the decoder and every gradient cost k / F of their dense form: what is
left is the encoder's product and the selection. The gradients are those of the dense network with a
fixed selection, exactly.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.sae.train.training_model import TrainingSAE


_MKL = bool(torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]


class SparseCode(NamedTuple):
    """Row n's entries are offsets[n] up to offsets[n + 1] of features and values.

    offsets: (N + 1,) int64. features: (entries,) int64. values: (entries,) float32, >= 0; an entry
    of 0 is not active.
    """

    offsets: Tensor
    features: Tensor
    values: Tensor


def sparse_pass(
    model: TrainingSAE, x: Tensor, select: Callable[[Tensor], SparseCode]
) -> tuple[Tensor, SparseCode]:
    """The reconstruction (N, D) of x (N, D), with gradients, and its code, without.

    select: chooses from the pre-activations (N, F).
    """
    return _run(x, model.encoder, model.b_enc, model.W_dec, model.b_dec, select, model.low)


def sparse_decode_rows(
    x: Tensor, encoder: Tensor, b_enc: Tensor, decoder: Tensor, k: int, *, low: bool
) -> Tensor:
    """Reconstruction (N, D) by the k largest of these features alone, without a decoder bias."""
    zero = x.new_zeros(x.shape[1])
    return _run(x, encoder, b_enc, decoder, zero, lambda pre: largest(pre, k), low)[0]


def largest(pre: Tensor, k: int) -> SparseCode:
    """The k largest of each row of (N, F), where positive."""
    values, features = pre.topk(k, dim=1, sorted=False)
    offsets = torch.arange(0, values.numel() + 1, k, device=pre.device)
    return SparseCode(offsets, features.reshape(-1), values.float().relu_().reshape(-1))


def _run(
    x: Tensor,
    encoder: Tensor,
    b_enc: Tensor,
    decoder: Tensor,
    b_dec: Tensor,
    select: Callable[[Tensor], SparseCode],
    low: bool,
) -> tuple[Tensor, SparseCode]:
    reconstruction, *code = cast(
        "tuple[Tensor, Tensor, Tensor, Tensor]",
        _SparsePass.apply(x, encoder, b_enc, decoder, b_dec, select, low),  # type: ignore[no-untyped-call]
    )
    return reconstruction, SparseCode(*code)


class _SparsePass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        encoder: Tensor,
        b_enc: Tensor,
        decoder: Tensor,
        b_dec: Tensor,
        select: Callable[[Tensor], SparseCode],
        low: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        centred = x - b_dec
        if low:
            half = torch.bfloat16
            pre = functional.linear(centred.to(half), encoder.to(half), b_enc.to(half))
        else:
            pre = functional.linear(centred, encoder, b_enc)
        offsets, features, values = select(pre)
        reconstruction = _weighted_sums(offsets, features, values, decoder) + b_dec
        ctx.save_for_backward(centred, encoder, decoder, offsets, features, values)
        ctx.mark_non_differentiable(offsets, features, values)
        return reconstruction, offsets, features, values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].contiguous()
        centred, encoder, decoder, offsets, features, values = ctx.saved_tensors
        d_values = _products(offsets, features, gradient, decoder) * (values > 0)
        # By feature instead of by row, once for both weights.
        order = torch.argsort(features, stable=True)
        counts = torch.bincount(features, minlength=len(decoder))
        starts = torch.zeros(len(decoder) + 1, dtype=torch.int64, device=gradient.device)
        torch.cumsum(counts, 0, out=starts[1:])
        lengths = offsets[1:] - offsets[:-1]
        rows = torch.arange(len(lengths), device=gradient.device).repeat_interleave(
            lengths, output_size=len(features)
        )[order]
        d_decoder = _weighted_sums(starts, rows, values[order], gradient)
        d_encoder = _weighted_sums(starts, rows, d_values[order], centred)
        d_b_enc = torch.zeros_like(decoder[:, 0]).index_add_(0, features, d_values)
        # b_dec is added to the output and subtracted from the input.
        d_b_dec = gradient.sum(dim=0) - d_b_enc @ encoder
        return None, d_encoder, d_b_enc, d_decoder, d_b_dec, None, None


def _weighted_sums(offsets: Tensor, index: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """Row n: the sum of weight * table[index] over its entries. (N, D)."""
    return functional.embedding_bag(
        index, table, offsets, per_sample_weights=weight, mode="sum", include_last_offset=True
    )


def _products(offsets: Tensor, features: Tensor, rows: Tensor, decoder: Tensor) -> Tensor:
    """Per entry of a code: its row of `rows` (N, D) times its feature's row of decoder (F, D)."""
    lengths = offsets[1:] - offsets[:-1]
    if rows.is_cuda or _MKL:
        size = (len(rows), len(decoder))
        zeros = torch.zeros(len(features), dtype=rows.dtype, device=rows.device)
        with warnings.catch_warnings():
            # That CSR is in beta, at its first use.
            warnings.simplefilter("ignore")
            pattern = torch.sparse_csr_tensor(
                offsets, features, zeros, size, check_invariants=False
            )
        products = torch.sparse.sampled_addmm(pattern, rows, decoder.T, beta=0.0)
        return cast("Tensor", products.values())
    row = torch.arange(len(lengths), device=rows.device).repeat_interleave(lengths)
    # In parts: each entry takes a row of D values.
    starts = range(0, max(len(features), 1), 1 << 16)
    parts = [slice(start, start + (1 << 16)) for start in starts]
    return torch.cat([(rows[row[p]] * decoder[features[p]]).sum(dim=1) for p in parts])
