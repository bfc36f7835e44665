# SPDX-License-Identifier: Apache-2.0
"""What a node has: publishers, subscriptions, services, clients, timers, events."""
