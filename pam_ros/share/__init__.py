# SPDX-License-Identifier: Apache-2.0
"""Where the files that come with the package lie: contracts, layouts, messages, models."""
