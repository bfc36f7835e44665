# SPDX-License-Identifier: Apache-2.0
"""Quality of service profiles, and what they become in DDS."""

import pytest
from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    LivelinessPolicy,
    QoSCompatibility,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_profile_sensor_data,
    qos_profile_system_default,
)

AUTOMATIC = LivelinessPolicy.AUTOMATIC


def profile(**policies):
    return QoSProfile(**{"depth": 1, "liveliness": AUTOMATIC, **policies})


def test_a_profile_is_printed_as_in_rclpy():
    assert str(QoSProfile(depth=3)) == (
        "QoSProfile(history=1, depth=3, reliability=1, durability=2, lifespan=0 nanoseconds, "
        "deadline=0 nanoseconds, liveliness=0, liveliness_lease_duration=0 nanoseconds, "
        "avoid_ros_namespace_conventions=False)"
    )


def test_sensor_data_is_best_effort_of_depth_five():
    assert qos_profile_sensor_data.reliability == ReliabilityPolicy.BEST_EFFORT
    assert qos_profile_sensor_data.depth == 5
    assert QoSPresetProfiles.get_from_short_key("sensor_data") == qos_profile_sensor_data
    assert ReliabilityPolicy.RELIABLE.short_key == "reliable"


@pytest.mark.parametrize("policies", [{}, {"history": HistoryPolicy.KEEP_LAST}])
def test_history_and_depth_are_needed(policies):
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile(**policies)


def test_wrong_policies_are_refused():
    with pytest.raises(AssertionError, match="Invalid arguments passed to constructor"):
        QoSProfile(depth=1, colour="red")
    with pytest.raises(AssertionError):
        QoSProfile(depth="one")
    with pytest.raises(AssertionError):
        QoSProfile(depth=1, lifespan=3)
    with pytest.raises(ValueError, match="17"):
        QoSProfile(depth=1, reliability=17)
    with pytest.warns(UserWarning, match="A zero depth with KEEP_LAST"):
        QoSProfile(depth=0)


# Texts as Jazzy's rclpy gives them.
@pytest.mark.parametrize(
    ("offered", "wanted", "reason"),
    [
        (profile(), profile(), ""),
        (profile(reliability=ReliabilityPolicy.BEST_EFFORT), profile(),
         "ERROR: Best effort publisher and reliable subscription;"),
        (profile(), profile(durability=DurabilityPolicy.TRANSIENT_LOCAL),
         "ERROR: Volatile publisher and transient local subscription;"),
        (profile(), profile(deadline=Duration(seconds=1)),
         "ERROR: Subscription has a deadline, but publisher does not;"),
        (profile(deadline=Duration(seconds=2)), profile(deadline=Duration(seconds=1)),
         "ERROR: Subscription deadline is less than publisher deadline;"),
        (profile(), profile(liveliness=LivelinessPolicy.MANUAL_BY_TOPIC),
         "ERROR: Publisher's liveliness is automatic and subscription's is manual by topic;"),
        (qos_profile_system_default, QoSProfile(depth=1),
         ("WARNING: Reliable subscription, but publisher is system_default;"
         "WARNING: Publisher liveliness is system_default and subscription liveliness is "
         "system_default;")),
        (QoSProfile(depth=1), qos_profile_system_default,
         ("WARNING: Volatile publisher, but subscription is system_default;"
         "WARNING: Publisher liveliness is system_default and subscription liveliness is "
         "system_default;")),
    ],
)  # fmt: skip
def test_compatibility_is_worded_as_in_rclpy(offered, wanted, reason):
    kind = reason.split(":", maxsplit=1)[0] or "OK"
    assert qos_check_compatible(offered, wanted) == (getattr(QoSCompatibility, kind), reason)


@pytest.mark.parametrize(
    "policies",
    [
        {},
        {"reliability": ReliabilityPolicy.BEST_EFFORT},
        {"durability": DurabilityPolicy.TRANSIENT_LOCAL},
        {"deadline": Duration(seconds=1), "lifespan": Duration(seconds=2)},
        {"liveliness": LivelinessPolicy.MANUAL_BY_TOPIC,
         "liveliness_lease_duration": Duration(seconds=3)},
    ],
)  # fmt: skip
def test_policies_arrive_at_the_other_side(node, spin_until, policies):
    from std_msgs.msg import String

    made = profile(**policies)
    node.create_publisher(String, "x", made)
    assert spin_until(lambda: node.get_publishers_info_by_topic("x"), node)
    seen = node.get_publishers_info_by_topic("x")[0].qos_profile
    assert seen.reliability == made.reliability
    assert seen.durability == made.durability
    assert seen.liveliness == made.liveliness
    for name in ("deadline", "lifespan", "liveliness_lease_duration"):
        if name in policies:
            assert getattr(seen, name) == policies[name]
