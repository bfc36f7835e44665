# SPDX-License-Identifier: Apache-2.0
"""The demo robot: a MuJoCo scene, a scripted expert, its data, the training and the evaluation."""
