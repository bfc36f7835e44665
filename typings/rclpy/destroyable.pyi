# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.destroyable import DESTROYED as DESTROYED
from pam_ros.embedded.destroyable import Destroyable as Destroyable
from pam_ros.embedded.destroyable import DestroyableType as DestroyableType
