# SPDX-License-Identifier: Apache-2.0
"""The type variables that rclpy's modules show, for annotations."""

from __future__ import annotations

from typing import TypeVar

MsgType = TypeVar("MsgType")
SrvType = TypeVar("SrvType")
SrvTypeRequest = TypeVar("SrvTypeRequest")
SrvTypeResponse = TypeVar("SrvTypeResponse")
