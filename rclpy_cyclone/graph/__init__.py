# SPDX-License-Identifier: Apache-2.0
"""Who is in the graph: nodes, their topics and services, endpoints."""
