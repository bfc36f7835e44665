# SPDX-License-Identifier: Apache-2.0
"""The demo policy's data and training."""
