# SPDX-License-Identifier: Apache-2.0
"""The demo policy that reads words: its data, its training, its evaluation."""
