# SPDX-License-Identifier: Apache-2.0
"""Which other nodes are looked for, and what the log says of it."""

import os
import subprocess
import sys

import pytest
from network import NoNetworkError, own_network

from rclpy_cyclone.dds.discovery import Discovery

pytestmark = pytest.mark.embedded_only

# Says its name five times a second and whom it has heard; ends by itself.
NODE = """
import sys, time
from rclpy_cyclone import install
install()
import rclpy
from std_msgs.msg import String
rclpy.init()
both, heard, known = {"one", "other"}, set(), {}

def take(message):
    name, *its_heard = message.data.split()
    heard.add(name)
    known[name] = set(its_heard)

node = rclpy.create_node(sys.argv[1])
publisher = node.create_publisher(String, "said", 10)
node.create_subscription(String, "said", take, 10)
node.create_timer(0.2, lambda: publisher.publish(String(data=" ".join([sys.argv[1], *heard]))))
end = time.monotonic() + float(sys.argv[2])
# The other one may need longer to hear this one: it says when it has.
while time.monotonic() < end and not all(known.get(name, set()) >= both for name in both):
    rclpy.spin_once(node, timeout_sec=0.2)
# So that it hears the same of this one, and need not wait for its end.
end = time.monotonic() + 3.0
while time.monotonic() < end:
    rclpy.spin_once(node, timeout_sec=0.2)
print(sorted(heard))
node.destroy_node()
rclpy.shutdown()
"""


def test_the_log_names_the_variable_only_while_the_range_is_nobodys_choice(monkeypatch):
    monkeypatch.delenv("ROS_LOCALHOST_ONLY", raising=False)
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    said = Discovery.from_environment().describe()
    assert said.startswith("discovery range LOCALHOST (")
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST there, or SUBNET here" in said
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    assert Discovery.from_environment().describe() == "discovery range LOCALHOST"


@pytest.mark.parametrize("chosen", ["SUBNET", "LOCALHOST"])
def test_nodes_with_the_same_range_hear_each_other(chosen):
    """In a network of their own, where SUBNET's multicast goes nowhere else."""
    try:
        with own_network() as inside:
            environment = os.environ | {
                "ROS_AUTOMATIC_DISCOVERY_RANGE": chosen,
                "ROS_DOMAIN_ID": "88",
            }
            command = [*inside, sys.executable, "-c", NODE]
            nodes = [
                subprocess.Popen(
                    [*command, name, "120"], stdout=subprocess.PIPE, text=True, env=environment
                )
                for name in ("one", "other")
            ]
            heard = [node.communicate(timeout=240)[0] for node in nodes]
    except NoNetworkError as error:
        pytest.skip(f"no network of its own here: {error}")
    assert heard == ["['one', 'other']\n"] * 2
