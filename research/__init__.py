# SPDX-License-Identifier: Apache-2.0
"""How the findings in docs/ were measured: of maps, words and sparse features. Run by hand."""
