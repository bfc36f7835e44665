# SPDX-License-Identifier: Apache-2.0
"""Layouts of other tools (RViz, rqt, Foxglove), made from a contract."""
