# SPDX-License-Identifier: Apache-2.0
"""Recordings and the running robot to look at: report, Rerun, layouts, video."""
