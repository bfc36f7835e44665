# SPDX-License-Identifier: Apache-2.0
"""The middleware benchmark: what it counts, and what its page says."""

import pytest

from benchmarks import embedded
from benchmarks.embedded_page import document


def sample(median=2.0, sent=100, received=100, others=0.01):
    return {
        "sent": sent, "received": received, "median_ms": median, "p99_ms": 2 * median,
        "largest_ms": 5 * median, "send_seconds": 1.0, "receive_seconds": 2.0, "talker_cpu": 0.1,
        "listener_cpu": 0.1, "others": others,
    }  # fmt: skip


def result(**samples):
    machine = {
        "cpu": "A processor", "cpus": 2, "memory_gib": 24.0, "system": "Linux", "python": "3.11",
        "versions": {"cyclonedds": "11.0.1"},
    }  # fmt: skip
    labels = {"embedded": "embedded", "rmw_fastrtps_cpp": "rclpy, Fast DDS"}
    return {"machine": machine, "rmem_max": 212992, "runtimes": labels, "samples": samples}


def test_each_message_is_heard_once_with_its_latency():
    """A real talker and listener; the rates are what a loaded machine can keep."""
    workloads = [
        embedded.Workload("image_60hz", "image", 20.0, 10),
        embedded.Workload("joint_state_1khz", "joint_state", 100.0, 50),
    ]
    chosen = embedded.runtimes()[:1]
    samples = embedded.measure(chosen, workloads, rounds=1)["embedded"]
    image, joints = samples["image_60hz"][0], samples["joint_state_1khz"][0]
    assert (image.sent, image.received, joints.sent, joints.received) == (10, 10, 50, 50)
    assert 0.0 < joints.median_ms <= joints.p99_ms <= joints.largest_ms
    assert joints.median_ms < 1e3
    assert image.send_seconds > 0.4  # ten at 20 Hz; a loaded machine takes longer
    assert image.talker_cpu > 0.0
    assert "640x480 rgb8 at 60 Hz" in document(embedded.result(chosen, {"embedded": samples}))


def test_losses_and_the_ratio_to_the_embedded_runtime_are_shown():
    page = document(
        result(
            embedded={"image_60hz": [sample(2.0), sample(3.0), sample(2.5)]},
            rmw_fastrtps_cpp={"image_60hz": [sample(4.0), sample(6.0), sample(5.0, received=93)]},
        )
    )
    assert "| embedded | 2.50 | 2.00 to 3.00 | 5.00 | 15.0 | 0 of 300 | 2.00 | 1 |" in page
    assert (
        "| rclpy, Fast DDS | 5.00 | 4.00 to 6.00 | 10.00 | 30.0 | 7 of 300 | 2.00 | 2.00 [" in page
    )
    assert "3 rounds." in page
    assert "net.core.rmem_max 212992" in page


def test_throughput_counts_what_arrived():
    page = document(result(embedded={"image_flat_out": [sample(received=50)]}))
    assert "| embedded | 100 | 25 | 23 | 50 of 100 | 2.00 |" in page


def test_a_pair_that_ends_is_reported():
    broken = embedded.Runtime("ros2", "nothing there", ("/bin/false",), {})
    with pytest.raises(RuntimeError, match="a peer ended"):
        embedded.measure([broken], [embedded.WORKLOADS[0]], rounds=1)
