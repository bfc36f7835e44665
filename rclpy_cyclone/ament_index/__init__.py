# SPDX-License-Identifier: Apache-2.0
"""ament_index_python: where packages are, and the files that they share."""
