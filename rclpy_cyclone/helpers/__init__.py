# SPDX-License-Identifier: Apache-2.0
"""What is built on a node: parameters of other nodes, one message of a topic."""
