# SPDX-License-Identifier: Apache-2.0
"""Whether a policy reads its words: others are said instead, and the chunk's way is measured.

docs/language.md explains it.
"""
