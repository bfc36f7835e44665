# SPDX-License-Identifier: Apache-2.0
"""What people ask a policy for in a notebook: a look, activations, patches. Knows no ROS."""
