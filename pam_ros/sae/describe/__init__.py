# SPDX-License-Identifier: Apache-2.0
"""What each feature fires on."""
