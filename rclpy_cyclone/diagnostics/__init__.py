# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater: what a node says of itself on /diagnostics, and how often."""
