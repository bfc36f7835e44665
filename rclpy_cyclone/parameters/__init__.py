# SPDX-License-Identifier: Apache-2.0
"""A node's parameters, and the services by which others read and set them."""
