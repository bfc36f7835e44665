# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.context import Context as Context
from pam_ros.embedded.context import open_contexts as open_contexts
from pam_ros.embedded.destroyable import DestroyableType as DestroyableType
