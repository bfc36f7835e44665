# SPDX-License-Identifier: Apache-2.0
"""Trains sparse autoencoders on collected tokens."""
