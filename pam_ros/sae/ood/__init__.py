# SPDX-License-Identifier: Apache-2.0
"""Is what the policy sees unlike its training data?"""
