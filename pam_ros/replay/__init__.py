# SPDX-License-Identifier: Apache-2.0
"""Recordings in, the messages that the live node would have sent out."""
