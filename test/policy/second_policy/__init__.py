# SPDX-License-Identifier: Apache-2.0
"""A policy class of another kind, as somebody else's package would bring it.

It reads words, has no token for the joint state, remembers one observation, draws noise, denoises
its chunk in three steps, and its actions read the prefix and each other. It registers as an
installed package does.
"""
