# SPDX-License-Identifier: Apache-2.0
"""The live page's side of the graph: what it listens to while somebody looks, and what it asks."""
