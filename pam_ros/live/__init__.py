# SPDX-License-Identifier: Apache-2.0
"""A web page of the running robot: the server, who may do what, and the page's files. No ROS."""
