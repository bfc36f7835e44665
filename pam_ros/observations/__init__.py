# SPDX-License-Identifier: Apache-2.0
"""Where observations come from when no robot runs: the simulator, a dataset, recordings."""
