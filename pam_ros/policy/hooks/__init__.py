# SPDX-License-Identifier: Apache-2.0
"""Activations of a pass by name: read, cached, replaced. Names and words are TransformerLens'."""
