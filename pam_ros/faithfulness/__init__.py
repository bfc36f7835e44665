# SPDX-License-Identifier: Apache-2.0
"""Does a map tell the truth about the policy? Measurements, baselines, intervals, a report.

docs/faithfulness.md explains each of them. NumPy and OpenCV; a policy is a function from
observations to chunks and another from an observation to maps.
"""
