# SPDX-License-Identifier: Apache-2.0
"""The feature browser: what each sparse feature fires on, to look at and to name."""
