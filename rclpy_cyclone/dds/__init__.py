# SPDX-License-Identifier: Apache-2.0
"""Cyclone DDS: domains, discovery, endpoints, policies."""
