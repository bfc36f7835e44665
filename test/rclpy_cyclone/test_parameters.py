# SPDX-License-Identifier: Apache-2.0
"""Parameters of a node, their services and events, and where their values come from."""

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    ParameterType,
    SetParametersResult,
)
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter, get_parameter_value, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import qos_profile_parameter_events

YAML = """
/**:
  ros__parameters:
    everyone: 1
    rate: 1.0
/robot:
  eye:
    ros__parameters:
      rate: 20.0
      names: [a, b]
      camera: {height: 480, sizes: [1.0, 2.5]}
/*/ear:
  ros__parameters: {rate: 5.0}
mouth:
  ros__parameters: {rate: 7.0}
"""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "NOT_SET"), (True, "BOOL"), (1, "INTEGER"), (1.0, "DOUBLE"), ("a", "STRING"),
        ([b"a"], "BYTE_ARRAY"), ([True], "BOOL_ARRAY"), ([1, 2], "INTEGER_ARRAY"),
        ([1.0], "DOUBLE_ARRAY"), (["a"], "STRING_ARRAY"), ((1.0, 2.0), "DOUBLE_ARRAY"),
    ],
)  # fmt: skip
def test_types_are_inferred_and_survive_the_message(value, kind):
    parameter = Parameter("p", value=value)
    assert parameter.type_.name == kind
    again = Parameter.from_parameter_msg(parameter.to_parameter_msg())
    assert again.type_ == parameter.type_
    assert parameter_value_to_python(parameter.get_parameter_value()) == (
        list(value) if isinstance(value, tuple) else value
    )


def test_values_of_no_parameter_type_are_refused():
    with pytest.raises(TypeError, match="not one of the allowed types"):
        Parameter("p", value={})
    with pytest.raises(TypeError, match="not a list of one of the allowed types"):
        Parameter("p", value=[1, "a"])
    with pytest.raises(ValueError, match="do not agree"):
        Parameter("p", Parameter.Type.DOUBLE, 1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1", 2), ("1.5", 3), ("true", 1), ("[1, 2]", 7), ("[a, b]", 9), ("abc", 4), ("", 4)],
)
def test_texts_of_the_command_line_are_read_as_yaml(text, kind):
    assert get_parameter_value(text).type == kind


def test_declared_parameters_have_their_default(node):
    assert node.declare_parameter("rate", 10.0).value == 10.0
    assert node.get_parameter("rate").value == 10.0
    assert node.get_parameters_by_prefix("")["rate"].value == 10.0
    assert node.has_parameter("use_sim_time")


def test_declaring_refuses_what_rclpy_refuses(node):
    node.declare_parameter("rate", 10.0)
    with pytest.raises(ParameterAlreadyDeclaredException, match="rate"):
        node.declare_parameter("rate", 10.0)
    with pytest.raises(InvalidParameterException):
        node.declare_parameter("", 1)
    with pytest.raises(ValueError, match="NOT_SET"):
        node.declare_parameter("nothing", None, ParameterDescriptor())
    with pytest.raises(TypeError, match="not a ParameterDescriptor"):
        node.declare_parameters("", [("a", 1, "descriptor")])
    with pytest.warns(UserWarning, match="only providing its name is deprecated"):
        node.declare_parameter("deprecated")


def test_a_parameter_declared_by_type_has_no_value_yet(node):
    node.declare_parameter("path", Parameter.Type.STRING)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("path")
    assert node.get_parameter_or("path", Parameter("path", value="x")).value == "x"
    assert node.set_parameters([Parameter("path", value="/tmp")])[0].successful
    assert node.get_parameter("path").value == "/tmp"


def test_undeclared_parameters_need_permission(ros):
    strict, free = Node("strict"), Node("free", allow_undeclared_parameters=True)
    with pytest.raises(ParameterNotDeclaredException, match="undeclared"):
        strict.get_parameter("x")
    with pytest.raises(ParameterNotDeclaredException):
        strict.set_parameters([Parameter("x", value=1)])
    assert free.get_parameter("x").type_ == Parameter.Type.NOT_SET
    assert free.set_parameters([Parameter("x", value=1)])[0].successful
    assert free.get_parameter("x").value == 1
    for each in (strict, free):
        each.destroy_node()


def test_types_are_static_unless_the_descriptor_says_otherwise(node):
    node.declare_parameter("rate", 10.0)
    node.declare_parameter("any", 1, ParameterDescriptor(dynamic_typing=True))
    result = node.set_parameters([Parameter("rate", value=5)])[0]
    assert not result.successful
    assert result.reason == ("Wrong parameter type, expected 'Type.DOUBLE' got 'Type.INTEGER'")
    assert node.set_parameters([Parameter("any", value="text")])[0].successful


@pytest.mark.parametrize(
    ("value", "reason"),
    [(0.0, ""), (1.0, ""), (0.5, ""), (1.5, "out of range"), (0.3, "not close enough")],
)
def test_floating_point_ranges_hold(node, value, reason):
    limits = FloatingPointRange(from_value=0.0, to_value=1.0, step=0.25)
    node.declare_parameter("gain", 0.0, ParameterDescriptor(floating_point_range=[limits]))
    result = node.set_parameters([Parameter("gain", value=value)])[0]
    assert result.successful == (not reason)
    assert reason in result.reason


@pytest.mark.parametrize(("value", "reason"), [(2, ""), (11, "out of range"), (3, "valid step")])
def test_integer_ranges_hold(node, value, reason):
    limits = IntegerRange(from_value=0, to_value=10, step=2)
    node.declare_parameter("count", 0, ParameterDescriptor(integer_range=[limits]))
    result = node.set_parameters([Parameter("count", value=value)])[0]
    assert result.successful == (not reason)
    assert reason in result.reason


def test_read_only_parameters_stay(node):
    node.declare_parameter("seed", 7, ParameterDescriptor(read_only=True))
    result = node.set_parameters([Parameter("seed", value=8)])[0]
    assert (result.successful, result.reason) == (
        False, "Trying to set a read-only parameter: seed.",
    )  # fmt: skip
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("seed")


def test_callbacks_change_refuse_and_follow(node):
    node.declare_parameter("rate", 1.0)
    node.declare_parameter("other", 1.0)
    followed = []
    node.add_pre_set_parameters_callback(
        lambda ps: [*ps, Parameter("other", value=9.0)] if ps[0].value < 100 else ps
    )
    node.add_on_set_parameters_callback(
        lambda ps: SetParametersResult(successful=ps[0].value < 5, reason="too fast")
    )
    node.add_post_set_parameters_callback(lambda ps: followed.append([p.name for p in ps]))
    assert node.set_parameters([Parameter("rate", value=2.0)])[0].successful
    assert node.get_parameter("other").value == 9.0
    result = node.set_parameters([Parameter("rate", value=6.0)])[0]
    assert (result.successful, result.reason) == (False, "too fast")
    assert node.get_parameter("rate").value == 2.0
    assert followed == [["rate", "other"]]


def test_a_rejecting_callback_stops_the_declaration(node):
    node.add_on_set_parameters_callback(
        lambda _: SetParametersResult(successful=False, reason="never")
    )
    with pytest.raises(InvalidParameterValueException, match="Reason: never"):
        node.declare_parameter("rate", 1.0)
    assert not node.has_parameter("rate")


def test_setting_atomically_sets_all_or_none(node):
    node.declare_parameters("", [("a", 1), ("b", 1)])
    both = [Parameter("a", value=2), Parameter("b", value="text")]
    assert not node.set_parameters_atomically(both).successful
    assert node.get_parameter("a").value == 1


def test_names_are_listed_by_prefix_and_depth(node):
    node.declare_parameters("", [("camera.height", 1), ("camera.lens.focal", 1), ("rate", 1)])
    listed = node.list_parameters(["camera"], 1)
    assert (listed.names, listed.prefixes) == (["camera.height"], ["camera"])
    assert set(node.list_parameters([], 0).names) >= {"camera.lens.focal", "rate"}
    assert "camera.height" not in node.list_parameters([], 1).names


def test_the_services_do_what_the_methods_do(node, spin_until):
    node.declare_parameter("rate", 1.0, ParameterDescriptor(description="Hz"))

    def call(kind, name, **fields):
        client = node.create_client(kind, f"/subject/{name}")
        assert client.wait_for_service(60)
        future = client.call_async(kind.Request(**fields))
        assert spin_until(future.done, node)
        node.destroy_client(client)
        return future.result()

    assert "rate" in call(ListParameters, "list_parameters").result.names
    assert call(GetParameters, "get_parameters", names=["rate"]).values[0].double_value == 1.0
    assert not call(GetParameters, "get_parameters", names=["rate", "nothing"]).values
    assert list(call(GetParameterTypes, "get_parameter_types", names=["rate"]).types) == [
        ParameterType.PARAMETER_DOUBLE
    ]
    described = call(DescribeParameters, "describe_parameters", names=["rate"])
    assert described.descriptors[0].description == "Hz"
    fast = Parameter("rate", value=2.0).to_parameter_msg()
    unknown = Parameter("unknown", value=2.0).to_parameter_msg()
    results = call(SetParameters, "set_parameters", parameters=[fast, unknown]).results
    assert [r.successful for r in results] == [True, False]
    assert "undeclared" in results[1].reason
    assert node.get_parameter("rate").value == 2.0
    atomic = call(SetParametersAtomically, "set_parameters_atomically", parameters=[fast])
    assert atomic.result.successful


def test_a_parameter_client_reads_and_sets(node, spin_until, tmp_path):
    node.declare_parameters("", [("rate", 1.0), ("name", "a")])
    client = AsyncParameterClient(node, "subject")
    assert client.wait_for_services(60)

    def result(future):
        assert spin_until(future.done, node)
        return future.result()

    assert result(client.list_parameters(["rate"], 1)).result.names == ["rate"]
    assert result(client.set_parameters([Parameter("rate", value=2.0)])).results[0].successful
    assert result(client.get_parameters(["rate"])).values[0].double_value == 2.0
    assert list(result(client.get_parameter_types(["name"])).types) == [4]
    file = tmp_path / "parameters.yaml"
    file.write_text("subject: {ros__parameters: {name: b}}")
    assert result(client.load_parameter_file(str(file))).results[0].successful
    assert node.get_parameter("name").value == "b"


def test_events_tell_what_changed(node, spin_until):
    got = []
    node.create_subscription(
        ParameterEvent, "/parameter_events", got.append, qos_profile_parameter_events
    )
    node.declare_parameter("rate", 1.0)
    node.set_parameters([Parameter("rate", value=2.0)])
    assert spin_until(lambda: len(got) == 2, node)
    assert got[0].node == "/subject"
    assert [p.name for p in got[0].new_parameters] == ["rate"]
    assert [p.value.double_value for p in got[1].changed_parameters] == [2.0]


def test_the_command_line_overrides_defaults(context):
    started = context(
        "--ros-args", "-p", "rate:=5.0", "-p", "subject:name:=left", "-p", "tiny:=1e-3",
        "-p", "other:rate:=9.0", "--", "rest",
    )  # fmt: skip
    node = Node("subject", context=started)
    assert node.declare_parameter("rate", 1.0).value == 5.0
    assert node.declare_parameter("name", "none").value == "left"
    assert node.declare_parameter("tiny", 1.0).value == 1e-3
    assert node.declare_parameter("ignored", 1.0, ignore_override=True).value == 1.0


def test_a_wrong_type_on_the_command_line_is_refused(context):
    node = Node("subject", context=context("--ros-args", "-p", "rate:=5"))
    with pytest.raises(InvalidParameterTypeException, match="expecting type 'DOUBLE'"):
        node.declare_parameter("rate", 1.0)


@pytest.mark.parametrize(
    ("namespace", "name", "rate"),
    [("/robot", "eye", 20.0), ("/left", "ear", 5.0), ("", "mouth", 7.0), ("/a/b", "nose", 1.0)],
)
def test_parameter_files_are_matched_by_node_name(context, tmp_path, namespace, name, rate):
    file = tmp_path / "parameters.yaml"
    file.write_text(YAML)
    started = context("--ros-args", "--params-file", str(file))
    node = Node(name, namespace=namespace, context=started)
    assert node.declare_parameter("rate", 0.0).value == rate
    assert node.declare_parameter("everyone", 0).value == 1
    if name == "eye":
        assert node.declare_parameter("names", [""]).value == ["a", "b"]
        assert node.declare_parameter("camera.height", 0).value == 480
        assert node.declare_parameter("camera.sizes", [0.0]).value == [1.0, 2.5]


def test_later_values_win_among_those_for_the_same_nodes(context, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text(YAML)
    started = context("--ros-args", "--params-file", str(file), "-p", "rate:=3.0")
    nose = Node("nose", context=started)
    assert nose.declare_parameter("rate", 0.0).value == 3.0
    # rcl gathers values by pattern: the file's entry for this very node comes after "/**".
    eye = Node("eye", namespace="robot", context=started)
    assert eye.declare_parameter("rate", 0.0).value == 20.0
    over = [Parameter("rate", value=4.0)]
    other = Node("other", context=started, parameter_overrides=over)
    assert other.declare_parameter("rate", 0.0).value == 4.0


def test_overrides_can_be_declared_automatically(context):
    started = context("--ros-args", "-p", "rate:=3.0", "-p", "camera.height:=2")
    node = Node("subject", context=started, automatically_declare_parameters_from_overrides=True)
    assert node.get_parameter("rate").value == 3.0
    assert node.get_parameter("camera.height").value == 2


def test_a_bad_parameter_file_is_named(context, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("/**: {rate: 1.0}")
    with pytest.raises(RuntimeError, match=r"parameters\.yaml"):
        context("--ros-args", "--params-file", str(file))
    with pytest.raises(RuntimeError, match=r"missing\.yaml"):
        context("--ros-args", "--params-file", str(tmp_path / "missing.yaml"))
    file.write_text("/**: {ros__parameters: {mixed: [1, 2.5]}}")
    with pytest.raises(RuntimeError, match="Sequence should be of same type"):
        context("--ros-args", "--params-file", str(file))


def test_a_node_may_come_several_times_in_a_file(context, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text(
        "/**: {ros__parameters: {first: 1}}\n"
        "/**: {subject: {ros__parameters: {second: 2}}}\n"
        "'*': {ros__parameters: {third: 3}}\n"
    )
    node = Node("subject", context=context("--ros-args", "--params-file", str(file)))
    values = [node.declare_parameter(name, 0).value for name in ("first", "second", "third")]
    assert values == [1, 2, 3]
