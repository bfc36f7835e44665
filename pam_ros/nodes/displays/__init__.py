# SPDX-License-Identifier: Apache-2.0
"""What RViz shows beside the overlays: heat in space, cameras, the predicted chunk."""
