# SPDX-License-Identifier: Apache-2.0
"""What computes a policy's forward pass, and which of them fits here."""
