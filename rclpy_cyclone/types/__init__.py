# SPDX-License-Identifier: Apache-2.0
"""Messages and services: their definitions, classes, hashes and bytes."""
