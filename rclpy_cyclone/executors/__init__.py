# SPDX-License-Identifier: Apache-2.0
"""What runs callbacks: executors, tasks, callback groups."""
