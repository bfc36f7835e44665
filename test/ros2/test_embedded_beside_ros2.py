# SPDX-License-Identifier: Apache-2.0
"""The embedded runtime on the graph of a real ROS 2, seen from both sides."""

import re

import pytest

pytestmark = pytest.mark.ros2


@pytest.fixture(scope="module")
def far(ros2_python, embedded):
    """The same node file as /near, on ROS 2."""
    peer = ros2_python.ros2_peer("far", "near")
    peer.wait_for_fact("ready")
    return peer


def test_ros2_lists_the_embedded_node_by_name(ros2, embedded):
    ros2.until(
        lambda text: "/near" in text.split(), "node", "list", "--no-daemon", "--spin-time", "1"
    )


def test_ros2_shows_the_type_and_type_hash_of_an_embedded_topic(ros2, embedded):
    text = ros2.until(
        lambda text: "Node name: near" in text,
        "topic", "info", "-v", "--no-daemon", "--spin-time", "1", "/near/chatter",
    )  # fmt: skip
    assert "Topic type: std_msgs/msg/String" in text
    assert f"Topic type hash: {ros2.type_hash('std_msgs', 'String')}" in text
    assert "Reliability: RELIABLE" in text
    assert "Durability: VOLATILE" in text


def test_ros2_shows_the_qos_of_an_embedded_topic(ros2, embedded):
    """topic info -v of a best-effort topic and of a latched one."""
    for topic, reliability, durability in (
        ("/near/picture", "BEST_EFFORT", "VOLATILE"),
        ("/near/latched", "RELIABLE", "TRANSIENT_LOCAL"),
    ):
        text = ros2.until(
            lambda text: "Node name: near" in text,
            "topic", "info", "-v", "--no-daemon", "--spin-time", "1", topic,
        )  # fmt: skip
        assert f"Reliability: {reliability}" in text
        assert f"Durability: {durability}" in text
        assert "Deadline: Infinite" in text
        assert "Liveliness: AUTOMATIC" in text


def test_a_qos_mismatch_is_said_on_both_sides(ros2, embedded):
    """/near/picture is best effort; who asks for it reliably gets nothing, and is told why."""
    echo = ros2.start(
        "topic", "echo", "--qos-reliability", "reliable", "/near/picture", "sensor_msgs/msg/Image"
    )
    said = echo.wait_for(lambda line: "offering incompatible QoS" in line)
    assert "topic '/near/picture'" in said
    said += embedded.wait_for(lambda line: "requesting incompatible QoS" in line)
    assert said.count("Last incompatible policy: RELIABILITY") == 2
    echo.stop()
    assert not any("height" in line for line in echo.lines)


def test_ros2_echoes_what_an_embedded_node_publishes(ros2, embedded):
    done = ros2.run("topic", "echo", "--once", "/near/chatter", "std_msgs/msg/String")
    assert re.search(r"data: near \d+", done.stdout), done.stdout + done.stderr


def test_ros2_echoes_embedded_images_without_naming_their_type(ros2, embedded):
    done = ros2.run(
        "topic", "echo", "--once", "--no-daemon", "--spin-time", "1", "--no-arr",
        "--qos-reliability", "best_effort", "/near/picture",
    )  # fmt: skip
    assert "frame_id: near_frame" in done.stdout, done.stdout + done.stderr
    assert "height: 480" in done.stdout
    assert "length: 921600" in done.stdout


def test_an_embedded_node_hears_ros2_topic_pub(ros2, embedded):
    done = ros2.run(
        "topic", "pub", "--times", "3", "-w", "1",
        "/near/heard", "std_msgs/msg/String", "{data: from the command line}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    embedded.wait_for_fact("heard", lambda text: text == "from the command line")


def test_ros2_service_call_reaches_an_embedded_service(ros2, embedded):
    if not ros2.has_services:
        pytest.skip("Fast DDS forms services differently; this needs rmw_cyclonedds_cpp")
    for wish, word in (("true", "on"), ("false", "off")):
        done = ros2.run(
            "service", "call", "/near/switch", "std_srvs/srv/SetBool", f"{{data: {wish}}}"
        )
        assert f"success={wish.capitalize()}" in done.stdout, done.stdout + done.stderr
        assert f"near turned {word}" in done.stdout


def test_ros2_service_list_names_the_type(ros2, embedded):
    ros2.until(
        lambda text: "/near/switch [std_srvs/srv/SetBool]" in text,
        "service", "list", "-t", "--no-daemon", "--spin-time", "1",
    )  # fmt: skip


class TestParameters:
    @pytest.fixture(autouse=True)
    def _cyclone(self, ros2):
        if not ros2.has_services:
            pytest.skip("parameters are services, which need rmw_cyclonedds_cpp here")

    def param(self, ros2, verb, *arguments):
        for _ in range(5):
            done = ros2.run("param", verb, "--no-daemon", "--spin-time", "1", "/near", *arguments)
            if "not found" not in done.stderr.lower():  # discovery may take longer
                break
        return done

    def test_are_listed(self, ros2, embedded):
        listed = self.param(ros2, "list").stdout.split()
        assert {"gain", "label", "seed", "use_sim_time"} <= set(listed)

    def test_are_described_with_their_range(self, ros2, embedded):
        text = self.param(ros2, "describe", "gain").stdout
        assert "Type: double" in text
        assert "Description: of all" in text
        assert "Min value: 0.0" in text
        assert "Max value: 1.0" in text

    def test_are_set_and_read_back(self, ros2, embedded):
        assert "successful" in self.param(ros2, "set", "gain", "0.25").stdout
        assert "0.25" in self.param(ros2, "get", "gain").stdout
        embedded.wait_for_fact("set", lambda values: values == {"gain": 0.25})

    def test_out_of_range_are_refused_and_keep_their_value(self, ros2, embedded):
        before = self.param(ros2, "get", "gain").stdout
        done = self.param(ros2, "set", "gain", "5.0")
        assert "failed" in (done.stdout + done.stderr)
        assert self.param(ros2, "get", "gain").stdout == before

    def test_read_only_are_refused(self, ros2, embedded):
        done = self.param(ros2, "set", "seed", "8")
        assert "read-only" in (done.stdout + done.stderr)
        assert "7" in self.param(ros2, "get", "seed").stdout

    def test_refused_by_the_node_give_its_reason(self, ros2, embedded):
        done = self.param(ros2, "set", "label", "''")
        assert "label is empty" in (done.stdout + done.stderr)


class TestTwoNodes:
    """The same node file, once on each runtime."""

    def test_exchange_images(self, embedded, far):
        for listener, frame in ((embedded, "far_frame"), (far, "near_frame")):
            picture = listener.wait_for_fact("picture", lambda said, f=frame: said["frame_id"] == f)
            assert picture["size"] == [480, 640, 1920, 921600]
            assert picture["even"]

    def test_receive_what_was_latched_before_they_met(self, embedded, far):
        assert embedded.wait_for_fact("latched") == "kept by far"
        assert far.wait_for_fact("latched") == "kept by near"

    def test_call_each_others_service(self, ros2, embedded, far):
        if not ros2.has_services:
            pytest.skip("Fast DDS forms services differently; this needs rmw_cyclonedds_cpp")
        assert embedded.wait_for_fact("answer") == "far turned on"
        assert far.wait_for_fact("answer") == "near turned on"

    def test_see_each_other_on_the_graph(self, embedded, far):
        for peer in (embedded, far):
            peer.wait_for_fact("nodes", lambda nodes: {"/near", "/far"} <= set(nodes))
            topics = peer.wait_for_fact("topics", lambda said: "/far/chatter" in said)
            assert topics["/far/chatter"] == ["std_msgs/msg/String"]
            peer.wait_for_fact("publishers", lambda count: count == 1)

    def test_see_each_others_endpoint_with_type_hash_and_qos(self, ros2, embedded, far):
        for peer, other in ((embedded, "far"), (far, "near")):
            # Fast DDS tells which node an endpoint belongs to a moment later.
            known = peer.wait_for_fact(
                "endpoint", lambda found, node=f"/{other}": found["node"] == node
            )
            assert known == {
                "node": f"/{other}",
                "type": "std_msgs/msg/String",
                "hash": ros2.type_hash("std_msgs", "String"),
                "reliability": "RELIABLE",
                "durability": "TRANSIENT_LOCAL",
            }

    @pytest.mark.parametrize("runtime", ["embedded_peer", "ros2_peer"])
    def test_leave_the_graph_when_they_stop(self, ros2_python, embedded, far, runtime):
        """At once: one that just vanished would be listed for ten seconds more."""
        visitor = getattr(ros2_python, runtime)("visitor", "near")
        for peer in (embedded, far):
            peer.wait_for_fact("nodes", lambda nodes: "/visitor" in nodes)
        visitor.stop()
        for peer in (embedded, far):
            peer.lines.clear()
            peer.wait_for_fact("nodes", lambda nodes: "/visitor" not in nodes, timeout=5)
