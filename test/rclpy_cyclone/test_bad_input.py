# SPDX-License-Identifier: Apache-2.0
"""What a node is told when something around it is wrong."""

import socket
from contextlib import ExitStack, suppress

import pytest
import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32, String

from rclpy_cyclone import install
from rclpy_cyclone.types.interfaces import InterfaceError

# The same name and another definition, in a process of its own.
OTHER_GRIPPER = """
from tempfile import TemporaryDirectory
from pathlib import Path
with TemporaryDirectory() as name:
    Path(name, "Gripper.msg").write_text("float64 width\\nfloat64 force\\n")
    install(interfaces={"gripper_msgs": Path(name)})
import rclpy
from gripper_msgs.msg import Gripper
rclpy.init()
node = rclpy.create_node("other")
if sys.argv[1] == "publisher":
    publisher = node.create_publisher(Gripper, "/gripper", 10)
    node.create_timer(0.05, lambda: publisher.publish(Gripper(width=0.5, force=2.0)))
else:
    node.create_subscription(Gripper, "/gripper", print, 10)
rclpy.spin(node)
"""
# The same definition, but for what discovery says: to Cyclone DDS the types are the same, as they
# are where a writer gives no XTypes information (rmw_cyclonedds_cpp).
OTHER_HASH = """
import rclpy
from rclpy_cyclone.types.interfaces import interfaces
from std_msgs.msg import String
true_hash = interfaces.type_hash
interfaces.type_hash = lambda name: (
    "RIHS01_" + "ab" * 32 if name == "std_msgs/msg/String" else true_hash(name)
)
rclpy.init()
node = rclpy.create_node("other")
publisher = node.create_publisher(String, "/words", 10)
def say():
    print("heard by", publisher.get_subscription_count(), flush=True)
    publisher.publish(String(data="in another language"))
node.create_timer(0.05, say)
rclpy.spin(node)
"""


@pytest.fixture(scope="module")
def gripper(tmp_path_factory):
    """A message type made here, as only the embedded runtime can."""
    folder = tmp_path_factory.mktemp("gripper")
    (folder / "Gripper.msg").write_text("float64 width\n")
    install(interfaces={"gripper_msgs": folder})
    from gripper_msgs.msg import Gripper

    return Gripper


def logged(words, node, spin_until, capfd):
    """What is logged until these words come, and shortly afterwards."""
    said = []
    wanted = [words] if isinstance(words, str) else words

    def found():
        said.append(capfd.readouterr().err)
        return all(each in "".join(said) for each in wanted)

    assert spin_until(found, node, timeout=60), "".join(said)
    spin_until(lambda: False, node, timeout=0.5)
    return "".join(said) + capfd.readouterr().err


@pytest.mark.embedded_only
def test_a_publisher_of_another_definition_is_named_and_not_heard(
    gripper, node, script, spin_until, capfd
):
    heard = []
    node.create_subscription(gripper, "/gripper", heard.append, 10)
    script(OTHER_GRIPPER, "publisher")
    text = logged("Incompatible type on topic '/gripper'", node, spin_until, capfd)
    assert "no messages will be sent to it. Another publisher has gripper_msgs/msg/Gripper" in text
    assert text.count("RIHS01_") == 2
    assert not heard


@pytest.mark.embedded_only
def test_a_subscription_of_another_definition_is_an_event(gripper, node, script, spin_until):
    events = []
    node.create_publisher(
        gripper,
        "/gripper",
        10,
        event_callbacks=PublisherEventCallbacks(incompatible_type=events.append),
    )
    script(OTHER_GRIPPER, "subscription")
    assert spin_until(lambda: events, node, timeout=60)
    assert (events[0].total_count, events[0].total_count_change) == (1, 1)


@pytest.mark.embedded_only
def test_what_matches_by_name_alone_is_not_taken_for_ours(node, script, spin_until):
    heard, events = [], []
    node.create_subscription(
        String,
        "/words",
        heard.append,
        10,
        event_callbacks=SubscriptionEventCallbacks(incompatible_type=events.append),
    )
    other = script(OTHER_HASH)
    assert spin_until(lambda: events, node, timeout=60)
    other.wait_for("heard by 1")  # DDS does match them
    spin_until(lambda: False, node, timeout=0.5)
    assert not heard


@pytest.mark.embedded_only
def test_another_type_on_the_topic_is_logged_unless_that_is_turned_off(node, spin_until, capfd):
    node.create_subscription(String, "/number", lambda _: None, 10)
    node.create_publisher(
        Int32, "/number", 10, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False)
    )
    text = logged("Incompatible type on topic '/number'", node, spin_until, capfd)
    assert text.count("Incompatible type on topic '/number'") == 1
    assert "Another publisher has std_msgs/msg/Int32" in text


@pytest.mark.embedded_only
def test_the_same_type_is_no_event(node, script, spin_until):
    events = []
    callbacks = SubscriptionEventCallbacks(incompatible_type=events.append)
    heard = []
    node.create_subscription(String, "/words", heard.append, 10, event_callbacks=callbacks)
    script(OTHER_HASH.replace('"RIHS01_" + "ab" * 32', "true_hash(name)"))
    assert spin_until(lambda: heard, node, timeout=60)
    assert not events


@pytest.mark.embedded_only
def test_a_destroyed_subscription_is_told_no_more(node, spin_until):
    events = []
    callbacks = SubscriptionEventCallbacks(incompatible_type=events.append)
    subscription = node.create_subscription(
        String, "/number", lambda _: None, 10, event_callbacks=callbacks
    )
    node.destroy_subscription(subscription)
    node.create_publisher(Int32, "/number", 10)
    assert not spin_until(lambda: events, node, timeout=0.3)


def test_what_is_no_message_type_is_refused_in_rclpys_words(node):
    with pytest.raises(AttributeError, match="This might be a ROS 1 message type"):
        node.create_publisher(int, "x", 10)
    with pytest.raises(AttributeError, match="has no attribute '_TYPE_SUPPORT'"):
        node.create_subscription("std_msgs/msg/String", "x", print, 10)


def test_an_interface_that_does_not_exist_is_named():
    with pytest.raises(ImportError, match=r"cannot import name 'Strin' from 'std_msgs\.msg'"):
        from std_msgs.msg import Strin  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="No module named 'nobodys_msgs'"):
        import nobodys_msgs  # noqa: F401


@pytest.mark.embedded_only
def test_a_field_of_an_unknown_type_is_named(tmp_path):
    (tmp_path / "Arm.msg").write_text("nobodys_msgs/Joint[] joints\n")
    install(interfaces={"arm_msgs": tmp_path})
    with pytest.raises(InterfaceError, match="nobodys_msgs/msg/Joint"):
        from arm_msgs.msg import Arm  # noqa: F401


@pytest.mark.embedded_only
def test_a_second_definition_of_a_known_message_is_refused(gripper, tmp_path):
    (tmp_path / "Gripper.msg").write_text("float64 width\n")
    install(interfaces={"gripper_msgs": tmp_path})  # the same one is no harm
    (tmp_path / "Gripper.msg").write_text("float32 width\n")
    with pytest.raises(InterfaceError, match="Gripper"):
        install(interfaces={"gripper_msgs": tmp_path})
    assert gripper.get_fields_and_field_types() == {"width": "double"}


@pytest.mark.embedded_only
def test_a_wide_string_is_named_as_left_out(tmp_path):
    (tmp_path / "Sign.msg").write_text("wstring words\n")
    install(interfaces={"sign_msgs": tmp_path})
    with pytest.raises(NotImplementedError, match="wstring: 'words' of sign_msgs/msg/Sign"):
        from sign_msgs.msg import Sign  # noqa: F401


def test_incompatible_qos_names_the_policy(node, spin_until, capfd):
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_publisher(String, "x", best_effort)
    node.create_subscription(String, "x", lambda _: None, 1)
    both = ("offering incompatible QoS", "requesting incompatible QoS")
    text = logged(both, node, spin_until, capfd)
    assert (
        "New publisher discovered on topic 'x', offering incompatible QoS. No messages will be "
        "received from it. Last incompatible policy: RELIABILITY" in text
    )
    assert "New subscription discovered on topic 'x', requesting incompatible QoS." in text


def test_a_domain_id_below_zero_is_refused():
    with pytest.raises(RuntimeError, match=r"Domain id \(-1\) should not be lower than zero\."):
        rclpy.init(args=[], domain_id=-1, context=rclpy.Context())


@pytest.mark.embedded_only
def test_a_domain_id_that_has_no_ports_is_refused():
    with pytest.raises(RCLError, match="domain id 233 is out of range: 0 to 232 are valid"):
        rclpy.init(args=[], domain_id=233, context=rclpy.Context())


def test_a_ros_domain_id_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "kitchen")
    with pytest.raises(RCLError, match="ROS_DOMAIN_ID is not an integral number"):
        rclpy.init(args=[], context=rclpy.Context())


@pytest.mark.embedded_only
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("kitchen", "ROS_DOMAIN_ID is not an integral number: it is 'kitchen'"),
        ("-1", "ROS_DOMAIN_ID is not an integral number: it is '-1'"),
        ("233", "domain id 233 is out of range"),
    ],
)
def test_a_wrong_ros_domain_id_is_named(monkeypatch, value, text):
    monkeypatch.setenv("ROS_DOMAIN_ID", value)
    with pytest.raises(RCLError, match=text):
        rclpy.init(args=[], context=rclpy.Context())


def cyclone(inside):
    return f"<CycloneDDS><Domain>{inside}</Domain></CycloneDDS>"


@pytest.mark.embedded_only
def test_a_network_interface_that_does_not_exist_is_named(monkeypatch, domain):
    interface = "<Interfaces><NetworkInterface name='nope0'/></Interfaces>"
    monkeypatch.setenv("CYCLONEDDS_URI", cyclone(f"<General>{interface}</General>"))
    with pytest.raises(RCLError, match="the network interface 'nope0' does not exist here"):
        rclpy.init(args=[], domain_id=domain, context=rclpy.Context())


@pytest.mark.embedded_only
def test_without_a_free_participant_index_the_cure_is_named(monkeypatch):
    limit = "<Discovery><MaxAutoParticipantIndex>1</MaxAutoParticipantIndex></Discovery>"
    monkeypatch.setenv("CYCLONEDDS_URI", cyclone(limit))
    domain = 87
    with ExitStack() as stack:
        for index in range(2):
            taken = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):  # another program has it: taken all the same
                taken.bind(("", 7400 + 250 * domain + 10 + 2 * index))
        with pytest.raises(RCLError) as caught:
            rclpy.init(args=[], domain_id=domain, context=rclpy.Context())
    assert f"no participant index is free in domain {domain}" in str(caught.value)
    assert str(caught.value).endswith("end some, or set another ROS_DOMAIN_ID")


@pytest.mark.embedded_only
def test_a_configuration_that_is_no_xml_is_refused(monkeypatch, domain):
    monkeypatch.setenv("CYCLONEDDS_URI", cyclone("<Nonsense>1</Nonsense>"))
    with pytest.raises(RCLError, match=r"could not be opened .*: check CYCLONEDDS_URI"):
        rclpy.init(args=[], domain_id=domain, context=rclpy.Context())
