# SPDX-License-Identifier: Apache-2.0
"""What a process has once: contexts, the default one, and signals."""
