# SPDX-License-Identifier: Apache-2.0
"""What stands on a command line or in a parameter file, and the rules for names."""
