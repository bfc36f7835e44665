# SPDX-License-Identifier: Apache-2.0
"""A trained sparse autoencoder: what every architecture shares.

    x (N, D) -> pre = (x - b_dec) W_enc + b_enc (N, F) -> activation -> f (N, F), sparse, >= 0
                                                        x_hat = f W_dec + b_dec (N, D)

Weights are named and shaped as in SAELens. Each architecture's file adds its activation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from pam_ros.sae.arch.names import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.sae.provenance import Provenance
    from pam_ros.sae.store.stats import TokenStats


@dataclass(frozen=True)
class SaeConfig:
    """What cfg.json says.

    Attributes:
        architecture: SAELens's name of what it computes.
        d_in: D, the tokens' width.
        d_sae: F, features.
        k: active features per token, of "topk" alone.
        apply_b_dec_to_input: whether b_dec is subtracted before encoding.
        provenance: None in an SAE that pam_ros did not train.
        training: how it was trained.
    """

    architecture: str
    d_in: int
    d_sae: int
    k: int | None = None
    apply_b_dec_to_input: bool = True
    provenance: Provenance | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained_as(self) -> str:
        """The architecture's name in training: "batchtopk" for one that computes a JumpReLU."""
        return name_of(str(self.training.get("architecture", self.architecture)))


class SAE(nn.Module):
    """The base class: linear encoder and decoder, without gradients.

    Attributes:
        architecture: of the class, as in cfg.json.
        keeps_k: of the class: whether it needs cfg.k, and cfg.json has it.
        W_enc: (D, F) float32.
        b_enc: (F,) float32.
        W_dec: (F, D) float32.
        b_dec: (D,) float32.
        sha256: of the weights' file, empty for one that was never saved.
        stats: of the training tokens, or None.
    """

    architecture: ClassVar[str]
    keeps_k: ClassVar[bool] = False

    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor

    def __init__(self, cfg: SaeConfig, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.cfg = cfg
        self.sha256 = ""
        self.stats: TokenStats | None = None
        for name in self.weight_names():
            self.register_buffer(name, weights[name])

    def __repr__(self) -> str:
        width, features = self.W_enc.shape
        about = self.cfg.provenance
        layer = f", of {about.layer} of {about.policy_name}" if about is not None else ""
        return f"<{self.architecture} SAE: {features} features of {width} numbers{layer}>"

    @staticmethod
    def weight_names() -> tuple[str, ...]:
        """What sae_weights.safetensors holds."""
        return ("W_enc", "b_enc", "W_dec", "b_dec")

    def weights(self) -> dict[str, Tensor]:
        """The tensors by name, contiguous, on the CPU."""
        return {name: getattr(self, name).cpu().contiguous() for name in self.weight_names()}

    def pre_activations(self, x: Tensor) -> Tensor:
        """(N, D) float32 -> (N, F)."""
        if self.cfg.apply_b_dec_to_input:
            x = x - self.b_dec
        return torch.addmm(self.b_enc, x, self.W_enc)

    def activate(self, pre: Tensor) -> Tensor:
        """(N, F) pre-activations -> (N, F) activations."""
        raise NotImplementedError

    def floor(self) -> Tensor | None:
        """(F,), >= 0: activate(pre) is pre where pre > floor, else 0; None where it is not so."""
        return None

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """(N, D) float32 tokens -> (N, F) float32 activations, most of them 0."""
        return self.activate(self.pre_activations(x))

    @torch.inference_mode()
    def decode(self, activations: Tensor) -> Tensor:
        """(N, F) -> (N, D) reconstructed tokens."""
        return torch.addmm(self.b_dec, activations, self.W_dec)
