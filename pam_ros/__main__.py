# SPDX-License-Identifier: Apache-2.0
"""`python -m pam_ros` is the command pam_ros, where its folder is not on PATH."""

import sys

from pam_ros.cli import main

if __name__ == "__main__":
    sys.exit(main())
