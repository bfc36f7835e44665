# SPDX-License-Identifier: Apache-2.0
"""A robot's run in Rerun: from a bag, or as it happens."""
