# SPDX-License-Identifier: Apache-2.0
"""The architectures of sparse autoencoders, trained: from tokens to features and back."""
