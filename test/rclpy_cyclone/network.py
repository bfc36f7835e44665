# SPDX-License-Identifier: Apache-2.0
"""A network of a test's own: loopback and one card that supports multicast, and no way out."""

import contextlib
import os
import subprocess

# Half of a veth pair is as good as a real card to DDS.
CARD = """
set -e
ip link set lo up
ip link add card type veth peer name other
ip address add 10.9.0.1/24 dev card
ip link set card up
ip link set other up
ip route add 224.0.0.0/4 dev card
echo up
exec sleep 600
"""


class NoNetworkError(Exception):
    """Network namespaces, or veth pairs in them, are not allowed here."""


@contextlib.contextmanager
def own_network():
    """What a command has to begin with to run in it."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    holder = subprocess.Popen(
        ["unshare", *as_root, "--net", "sh", "-c", CARD],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "up\n":
            raise NoNetworkError(holder.communicate()[1].strip())
        user = ["--user", "--preserve-credentials"] if as_root else []
        yield ["nsenter", "--target", str(holder.pid), *user, "--net"]
    finally:
        holder.kill()
        holder.communicate()
