# SPDX-License-Identifier: Apache-2.0
"""The simulated robot of the demo, and who watches it."""
