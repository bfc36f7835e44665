# SPDX-License-Identifier: Apache-2.0
"""What `bag repair` is made of: what a file still holds, the new file, and the check of it."""
