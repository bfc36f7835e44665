# SPDX-License-Identifier: Apache-2.0
"""One page and one video that show what happened in a recorded run."""
