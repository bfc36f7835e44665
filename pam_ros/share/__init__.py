# SPDX-License-Identifier: Apache-2.0
"""What every room may use: the files that come with the package, and what its errors are."""
