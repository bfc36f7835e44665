# SPDX-License-Identifier: Apache-2.0
"""The node, from which everything else is made."""
