# SPDX-License-Identifier: Apache-2.0
"""A recording as an mp4."""
