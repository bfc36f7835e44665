# SPDX-License-Identifier: Apache-2.0
"""Quality of service profiles, and which of them fit together."""
