# SPDX-License-Identifier: Apache-2.0
"""How good a sparse autoencoder is on tokens that it was not trained on."""
