# SPDX-License-Identifier: Apache-2.0
"""TokenActivations read, and SaeFeatures filled. Messages are duck-typed."""

from __future__ import annotations

import array
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.store.halves import all_finite
from pam_ros.sae.store.tokens import RowTable
from pam_ros.share.errors import ReceivedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.message_types.pam_ros import SaeFeatures, TokenActivations
    from pam_ros.sae.encoder import TickFeatures

SAE_FEATURES = "pam_ros/msg/SaeFeatures"
NAN = math.nan


class TokenError(ReceivedError):
    """A TokenActivations that cannot be encoded: one sentence that says why."""


@dataclass(frozen=True)
class TickTokens:
    """One tick's rows (R, D) float16 and where each comes from."""

    rows: NDArray[np.float16]
    table: RowTable


def read_tokens(message: TokenActivations) -> TickTokens:
    """The rows in a message.

    Raises:
        TokenError: it says itself that it has none, its arrays do not fit, or a value is not
            finite.
    """
    if not message.valid:
        raise TokenError(message.invalid_reason or "the tokens are marked invalid without a reason")
    count, width = int(message.tokens), int(message.width)
    if len(message.data) != count * width or not count * width:
        raise TokenError(
            f"the tokens are damaged: {len(message.data)} values for {count} rows of {width}"
        )
    columns = {name: np.asarray(getattr(message, name)) for name in _COLUMNS}
    wrong = [name for name, column in columns.items() if len(column) != count]
    if wrong:
        raise TokenError(f"the tokens are damaged: {wrong[0]} has not {count} entries")
    rows = np.asarray(message.data, dtype=np.uint16).view(np.float16).reshape(count, width)
    if not all_finite(rows):
        raise TokenError(f"an activation of layer {message.layer} is not finite")
    table = RowTable(
        **columns, block_rows=int(message.block_rows), block_cols=int(message.block_cols)
    )
    return TickTokens(rows, table)


def fill_invalid(message: SaeFeatures, tokens: TokenActivations, reason: str) -> None:
    """Fill a SaeFeatures without features, and why."""
    message.header = tokens.header
    message.episode, message.tick = tokens.episode, tokens.tick
    message.policy_name, message.policy_sha256 = tokens.policy_name, tokens.policy_sha256
    message.layer, message.sampler = tokens.layer, tokens.sampler
    message.camera_names = list(tokens.camera_names)
    message.invalid_reason = reason
    message.l0 = message.mean_squared_error = message.explained_variance = NAN
    message.ood_score = message.ood_threshold = NAN


def fill_features(
    message: SaeFeatures,
    tokens: TokenActivations,
    features: TickFeatures,
    dictionary_size: int,
    *,
    with_code: bool,
) -> None:
    """Fill a SaeFeatures; the caller adds the SAE, the counts and the detector's score."""
    fill_invalid(message, tokens, "")
    message.valid = True
    message.tokens, message.dictionary_size = tokens.tokens, dictionary_size
    message.feature = _array("I", features.index, np.uint32)
    message.maximum = _array("f", features.maximum, np.float32)
    message.peak_token = _array("I", features.token, np.uint32)
    columns: tuple[tuple[str, str, Any], ...] = (
        ("kind", "B", np.uint8),
        ("camera", "h", np.int16),
        ("row", "h", np.int16),
        ("col", "h", np.int16),
    )
    for name, code, dtype in columns:
        setattr(message, f"peak_{name}", _array(code, getattr(features, name), dtype))
    message.l0 = float(features.l0)
    message.mean_squared_error = float(features.mean_squared_error)
    message.explained_variance = float(features.explained_variance)
    if with_code and features.code is not None:
        message.code_offset = _array("I", features.code.offset, np.uint32)
        message.code_feature = _array("I", features.code.index, np.uint32)
        message.code_value = _array("f", features.code.value, np.float32)


def _array(code: str, values: Any, dtype: Any) -> array.array[Any]:
    return array.array(code, np.ascontiguousarray(values, dtype=dtype).tobytes())


_COLUMNS = ("token", "kind", "camera", "row", "col")
