# SPDX-License-Identifier: Apache-2.0
"""Does to the real attention node what goes wrong on robots; tests of what that reports."""
