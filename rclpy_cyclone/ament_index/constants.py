# SPDX-License-Identifier: Apache-2.0
"""ament_index_python.constants: where an index is in a prefix, and what names the prefixes."""

from __future__ import annotations

RESOURCE_INDEX_SUBFOLDER = "share/ament_index/resource_index"
AMENT_PREFIX_PATH_ENV_VAR = "AMENT_PREFIX_PATH"
