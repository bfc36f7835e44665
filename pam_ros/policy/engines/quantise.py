# SPDX-License-Identifier: Apache-2.0
"""Makes a policy's int8 form: post-training quantisation by NNCF, on the policy's own observations.

No labels: what is measured is the range of each convolution's input. The backbone alone is
quantised: in int8 the matrix products of the transformer ruin the actions (docs/decisions/int8.md).
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.policy.act.output import difference
from pam_ros.policy.act.policy import ActPolicy
from pam_ros.policy.act.supported import why_unsupported
from pam_ros.policy.engines.cache import write_whole
from pam_ros.policy.engines.eager import EagerForward
from pam_ros.policy.engines.int8_form import Int8Form, form_path, key_of, packed, unpacked
from pam_ros.policy.engines.names import CHUNK_LIMIT
from pam_ros.policy.engines.openvino import flat, make_int8, traced
from pam_ros.policy.engines.openvino_package import import_nncf, import_openvino
from pam_ros.policy.engines.workshop import EngineFactory
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.interface import Policy, PrecisionError

CHECKS = 4
"""Of the observations so many have no part in the ranges: float32 is compared on them."""
FEWEST = 16
"""Observations, those for the comparison included."""
# How the tracer names what is inside ActGraph.resnet and ActGraph.project.
_BACKBONE = ("__module._graph.resnet.", "__module._graph.project/")


@dataclass(frozen=True)
class Quantised:
    """What came of it.

    Attributes:
        path: of the form.
        chunk_error: largest difference of a chunk from float32 on the observations kept for that,
            in normalised units.
        attention_error: of a weight of the cross-attention.
    """

    path: Path
    chunk_error: float
    attention_error: float


def check_quantisable(policy: Policy) -> ActPolicy:
    """The policy, if it can have an int8 form here.

    Raises:
        PolicyError: it is not ACT, reads no camera, or a package is missing.
    """
    if not isinstance(policy, ActPolicy):
        message = f"policy {policy.spec.name} cannot be quantised: only ACT has an int8 form"
        raise PolicyError(message)
    reason = why_unsupported(policy.model)
    if not policy.spec.cameras:
        reason = "it reads no camera, and convolutions alone are quantised"
    if reason:
        message = f"policy {policy.spec.name} cannot be quantised: {reason}"
        raise PolicyError(message)
    import_openvino()
    import_nncf()
    return policy


def quantise(
    policy: Policy,
    observations: Sequence[Mapping[str, NDArray[np.generic]]],
    source: str,
    path: Path | None = None,
) -> Quantised:
    """Make the int8 form of a policy, and write it.

    Args:
        policy: on the CPU, in any engine.
        observations: of its own robot, at least FEWEST, as different as can be.
        source: where they came from, in words.
        path: where the form goes; None for where `dtype="int8"` looks for it.

    Raises:
        PolicyError: the policy cannot be quantised, the observations are too few, or the result is
            further from float32 than CHUNK_LIMIT allows: then nothing is written.
        ObservationError: an observation does not fit.
        OSError: the file cannot be written.
    """
    act = check_quantisable(policy)
    if len(observations) < FEWEST:
        message = f"{len(observations)} observations of {source} are too few: at least {FEWEST}"
        raise PolicyError(message)
    workshop = EngineFactory(act.model, act.spec)
    prepared = [act.prepare([observation]) for observation in observations]
    stride = len(prepared) // CHECKS
    checks = prepared[stride // 2 :: stride][:CHECKS]
    ranges = [one for one in prepared if not any(one is check for check in checks)]
    xml, weights = _model(workshop, ranges)
    key = key_of(workshop)
    data = packed(Int8Form(key, source, len(ranges), xml, weights, tuple(checks)))
    # As it will be read, with its digest: a compiled blob is found again by that.
    errors = _errors(workshop, unpacked(data))
    chunk = max(error.chunk for error in errors)
    if not all(error.chunk <= CHUNK_LIMIT for error in errors):  # NaN is no agreement either
        message = (
            f"in int8 {act.spec.name} is off by {chunk:.2g} in its actions (normalised units; at "
            f"most {CHUNK_LIMIT:g}), so it has no int8 form: try more and more different "
            "observations, or stay with bfloat16"
        )
        raise PolicyError(message)
    path = path or form_path(key)
    write_whole(path, data)
    return Quantised(path, chunk, max(error.attention for error in errors))


def _model(workshop: EngineFactory, ranges: Sequence[Prepared]) -> tuple[bytes, bytes]:
    """The quantised pass as an OpenVINO model: XML and weights."""
    openvino, nncf = import_openvino(), import_nncf()
    nncf.set_log_level(logging.ERROR)
    model = traced(openvino, workshop.plain("float32"), workshop.example())
    try:
        quantised = nncf.quantize(
            model,
            nncf.Dataset(ranges, _arrays),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(ranges),
            ignored_scope=nncf.IgnoredScope(names=_outside_of_the_backbone(model)),
        )
        return _saved(openvino, quantised)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{workshop.spec.name} cannot be quantised: NNCF failed: {reason}"
        raise PolicyError(message) from error


def _outside_of_the_backbone(model: Any) -> list[str]:
    """The operations that stay as they are, by name."""
    return [
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() not in {"Parameter", "Constant", "Result"}
        and not operation.get_friendly_name().startswith(_BACKBONE)
    ]


def _arrays(prepared: Prepared) -> list[NDArray[np.float32]]:
    return [tensor.contiguous().numpy() for tensor in flat(prepared)]


def _saved(openvino: Any, model: Any) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory(prefix="pam_ros_int8_") as folder:
        xml = Path(folder) / "model.xml"
        openvino.save_model(model, xml, compress_to_fp16=False)
        return xml.read_bytes(), xml.with_suffix(".bin").read_bytes()


def _errors(workshop: EngineFactory, form: Int8Form) -> list[PrecisionError]:
    """On each of the form's checks, by the engine that will run."""
    engine, exact = make_int8(workshop, form), EagerForward(workshop.exact)
    return [difference(engine(check), exact(check)) for check in form.checks]
