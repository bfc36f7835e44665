# SPDX-License-Identifier: Apache-2.0
"""What only shows between processes: signals, images at camera rate, log output."""

import signal
from pathlib import Path

import pytest
from rclpy.qos import QoSProfile

SPINNER = """
import signal
# A shell hands SIG_IGN down to what it runs in the background; then no KeyboardInterrupt comes.
signal.signal(signal.SIGINT, signal.default_int_handler)
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
rclpy.init()
node = Node("spinner")
# Said from within spin: a signal before it would end the program elsewhere.
node.create_timer(0.05, lambda: print("spinning"))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException) as error:
    print("ended by", type(error).__name__, "ok", rclpy.ok())
finally:
    node.destroy_node()
    rclpy.try_shutdown()
    print("left")
"""

CAMERA = """
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = Node("camera")
# A process that gets no processor for a while loses none of them.
publisher = node.create_publisher(Image, "image", QoSProfile(depth=120))
pixels = np.random.default_rng(0).integers(0, 256, 480 * 640 * 3, np.uint8)
sent = 0

def tick():
    global sent
    if not publisher.get_subscription_count():
        return
    image = Image(height=480, width=640, encoding="rgb8", step=1920, data=pixels)
    image.header.frame_id = str(sent)
    image.header.stamp = node.get_clock().now().to_msg()
    publisher.publish(image)
    sent += 1
    if sent == 120:
        raise SystemExit

node.create_timer(1 / 60, tick)
try:
    rclpy.spin(node)
finally:
    publisher.wait_for_all_acked()
    node.destroy_node()
    rclpy.shutdown()
"""


@pytest.mark.embedded_only  # rclpy handles signals in C
def test_a_start_outside_the_main_thread_says_that_signals_are_not_handled(script):
    program = script("""
import threading
import rclpy
thread = threading.Thread(target=rclpy.init)
thread.start()
thread.join()
rclpy.shutdown()
""")
    line = program.wait_for("[WARN]")
    assert (
        "SIGINT and SIGTERM will not end spin(): rclpy.init() was called outside the main" in line
    )
    assert program.finish() == 0


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "ExternalShutdownException")],
)
def test_signals_end_spin_as_in_rclpy(script, number, name):
    program = script(SPINNER)
    program.wait_for("spinning")
    program.signal(number)
    assert program.finish() == 0
    assert f"ended by {name} ok False" in program.lines
    assert program.lines[-1] == "left"


@pytest.mark.embedded_only
def test_the_first_line_names_runtime_domain_and_range(script, domain):
    program = script(SPINNER)
    line = program.wait_for("embedded ROS 2 runtime")
    assert "Cyclone DDS" in line
    assert f"domain {domain}, discovery range LOCALHOST" in line


def test_images_flow_at_camera_rate_without_loss(node, spin_until, script):
    from sensor_msgs.msg import Image

    got = []
    node.create_subscription(
        Image, "image", lambda m: got.append(int(m.header.frame_id)), QoSProfile(depth=120)
    )
    script(CAMERA)
    assert spin_until(lambda: len(got) == 120, node, timeout=180)
    assert got == list(range(120))


JOINTS = """
import time, rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
rclpy.init()
node = Node("arm")
publisher = node.create_publisher(JointState, "joint_states", QoSProfile(depth=1000))
while not publisher.get_subscription_count():
    time.sleep(0.01)
message = JointState(name=["j%d" % k for k in range(7)], position=[0.1] * 7)
due = time.monotonic()
for index in range(1000):
    due += 0.001
    time.sleep(max(due - time.monotonic(), 0.0))
    message.header.frame_id = str(index)
    publisher.publish(message)
publisher.wait_for_all_acked()
"""


def test_a_thousand_joint_states_a_second_arrive_in_order(node, spin_until, script):
    from sensor_msgs.msg import JointState

    got = []
    node.create_subscription(
        JointState,
        "joint_states",
        lambda m: got.append((int(m.header.frame_id), m.position[6])),
        QoSProfile(depth=1000),
    )
    script(JOINTS)
    assert spin_until(lambda: len(got) == 1000, node, timeout=180)
    assert got == [(index, 0.1) for index in range(1000)]


LISTENER = """
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
rclpy.init()
node = Node("listener")
qos = QoSProfile(depth=9, reliability=ReliabilityPolicy.BEST_EFFORT)
listening = node.create_subscription(
    Image, "image", lambda m: print("got", m.header.frame_id), qos
)
node.create_timer(0.05, lambda: print("publishers:", listening.get_publisher_count()))
rclpy.spin(node)
"""


@pytest.mark.embedded_only
@pytest.mark.skipif(
    int(Path("/proc/sys/net/core/rmem_max").read_text()) < 4 << 20,
    reason="net.core.rmem_max is below 4 MiB: the kernel gives no larger receive buffers",
)
def test_two_pictures_at_once_wait_in_the_kernel_for_a_receiver_without_a_processor(
    node, spin_until, script
):
    from sensor_msgs.msg import Image

    program = script(LISTENER)
    publisher = node.create_publisher(Image, "image", QoSProfile(depth=9))
    assert spin_until(publisher.get_subscription_count, node)
    # What is stopped before it knows of the publisher takes nothing from it.
    program.wait_for("publishers: 1")
    image = Image(height=480, width=640, encoding="rgb8", step=1920, data=bytes(480 * 1920))
    program.signal(signal.SIGSTOP)
    for number in range(2):
        image.header.frame_id = str(number)
        publisher.publish(image)
    program.signal(signal.SIGCONT)
    program.wait_for("got 0")
    program.wait_for("got 1")
