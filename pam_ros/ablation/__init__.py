# SPDX-License-Identifier: Apache-2.0
"""Which of its inputs a policy uses: each is spoilt in turn, and the chunk's way is measured.

docs/ablate.md explains it. A policy is asked by the protocols of pam_ros.policy alone.
"""
