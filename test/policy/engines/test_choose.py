# SPDX-License-Identifier: Apache-2.0
"""Every engine computes lerobot's chunk and attention; one that cannot be had says why."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import types

import numpy as np
import pytest
import torch
from engine_checks import (
    CONFIGURATIONS,
    TOP,
    assert_lerobots,
    needs_compiler,
    needs_openvino,
    wrapped,
)

from pam_ros.policy import DTYPES, ENGINES, PolicyError, load_policy
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.engines import names
from pam_ros.policy.engines.eager import EagerForward
from pam_ros.policy.engines.names import EngineEntry
from pam_ros.policy.engines.workshop import EngineFactory, noise_inputs

HERE = [
    "eager",
    pytest.param("openvino", marks=needs_openvino),
]


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
@pytest.mark.parametrize("engine", HERE)
def test_engines_agree_with_lerobot_in_float32(reference_policy, engine, options):
    reference = reference_policy(**options)
    policy = wrapped(reference, engine)
    assert (policy.engine.name, policy.engine.dtype) == (engine, "float32")
    rng = np.random.default_rng(0)
    outputs = []
    for _ in range(2):  # the second pass must not be the first one's memory
        observation = reference.observation(rng)
        assert_lerobots(policy, reference, observation)
        outputs.append((policy.explain(observation), observation))
    first, observation = outputs[0]
    np.testing.assert_array_equal(first.chunk, policy.explain(observation).chunk)
    error = policy.precision_error(observation)
    assert error.chunk <= 1e-5
    assert error.attention <= 1e-6


@needs_compiler
@pytest.mark.slow
def test_the_compiled_engine_agrees_with_lerobot(reference_policy):
    reference = reference_policy(**CONFIGURATIONS[0])
    policy = wrapped(reference, "compile")
    assert policy.engine.warmup_seconds > 0
    rng = np.random.default_rng(0)
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for _ in range(2):
        assert_lerobots(policy, reference, reference.observation(rng))
    observation = reference.observation(rng)
    with torch.inference_mode():
        policy.explain(observation)
    plain = policy.prepare([observation])
    policy.forward(plain._replace(images=tuple(image.contiguous() for image in plain.images)))
    thread = threading.Thread(target=policy.explain, args=[observation])
    thread.start()
    thread.join()
    # No layout, thread or mode has it compiled anew in the middle of a tick.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled
    assert not torch._inductor.config.freezing  # the process' own setting stays


@pytest.mark.parametrize("engine", HERE)
def test_bfloat16_is_coarser_and_says_how_much(reference_policy, engine):
    reference = reference_policy(cameras={TOP: (64, 64)})
    policy = wrapped(reference, engine, "bfloat16")
    exact = wrapped(reference, "eager")
    observation = reference.observation(np.random.default_rng(0))
    error = policy.precision_error(observation)
    ours = policy.forward(policy.prepare([observation]))
    theirs = exact.forward(exact.prepare([observation]))
    assert error.chunk == pytest.approx(np.abs(ours.normalised - theirs.normalised).max())
    assert error.attention == pytest.approx(np.abs(ours.attention - theirs.attention).max())
    scale = np.abs(theirs.normalised).max()
    # bfloat16 keeps 8 bits. A CPU without it may compute in float32.
    assert error.chunk <= 0.1 * scale
    np.testing.assert_allclose(ours.attention.sum(-1), 1, atol=1e-2)


@pytest.mark.parametrize("engine", HERE)
def test_an_engine_moves_the_robot_as_lerobot_does(reference_policy, engine):
    for options in ({"n_action_steps": 3}, {"n_action_steps": 1, "temporal_ensemble_coeff": 0.01}):
        reference = reference_policy(cameras={TOP: (32, 40)}, **options)
        policy = wrapped(reference, engine)
        rng = np.random.default_rng(0)
        for _ in range(8):
            observation = reference.observation(rng)
            expected = reference.select_action(observation)
            output = policy.step(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5


@pytest.mark.parametrize("engine", HERE)
def test_what_is_not_finite_stays_so(reference_policy, engine):
    reference = reference_policy(cameras={TOP: (32, 40)})
    policy = wrapped(reference, engine)
    good = policy.prepare([reference.observation(np.random.default_rng(0))])
    for value in (torch.nan, torch.inf):
        result = policy.forward(good._replace(state=torch.full_like(good.state, value)))
        assert not np.isfinite(result.normalised).any()
        assert not np.isfinite(result.attention).any()


def test_a_backbone_that_is_not_finite_is_left_to_lerobots_pass(reference_policy):
    """Fused ReLUs make 0 of NaN; lerobot's do not."""
    reference = reference_policy(cameras={TOP: (32, 40)})
    reference.policy.model.backbone["conv1"].weight.data[3] = torch.nan
    policy = wrapped(reference, "eager")
    assert policy.engine.name == "hooks"
    with pytest.raises(PolicyError, match="not finite"):
        policy.step(reference.observation(np.random.default_rng(0)))


def test_compile_without_a_compiler_says_so(saved, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(PolicyError, match="needs a C\\+\\+ compiler such as g\\+\\+"):
        load_policy(saved, device="cpu", engine="compile")


def test_cuda_graph_on_the_cpu_is_refused(saved):
    with pytest.raises(PolicyError, match="'cuda_graph' needs a CUDA device, not cpu"):
        load_policy(saved, device="cpu", engine="cuda_graph")


@pytest.mark.parametrize("wrong", [{"engine": "tensorrt"}, {"dtype": "float16"}])
def test_a_name_that_is_no_engine_or_dtype_is_refused_with_those_that_are(saved, wrong):
    with pytest.raises(PolicyError) as refusal:
        load_policy(saved, device="cpu", **wrong)
    for name in {"engine": ENGINES, "dtype": DTYPES}[next(iter(wrong))]:
        assert name in str(refusal.value)


def test_auto_says_what_it_picked_and_why(saved):
    report = load_policy(saved, device="cpu").engine
    assert (report.name, report.dtype) == ("eager", "float32")
    assert "cpu" in report.reason
    assert load_policy(saved, device="cpu", engine="eager").engine.reason == "asked for"


def test_a_module_that_is_not_covered_reports_hooks(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=2)
    reference.policy.model.decoder.norm = torch.nn.Softmax(-1)
    report = wrapped(reference, "eager").engine
    assert report.name == "hooks"
    assert "norm of ACTDecoder is a Softmax" in report.reason


def test_without_prepacked_operations_the_pass_is_the_same(reference_policy, monkeypatch):
    reference = reference_policy(cameras={TOP: (32, 40)})
    monkeypatch.setattr("pam_ros.policy.engines.workshop.usable", lambda _dtype: False)
    policy = wrapped(reference, "eager")
    graph = policy._engine._graph
    assert type(graph.head) is type(PlainKernels().affine(torch.zeros(1, 1), torch.zeros(1)))
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


def test_a_prepacked_pass_that_fails_gives_way_to_the_plain_one(reference_policy, monkeypatch):
    reference = reference_policy(cameras={TOP: (32, 40)})

    def fail(*_):
        raise RuntimeError("could not create a memory")

    monkeypatch.setattr("pam_ros.policy.act.onednn._Convolution.forward", fail)
    policy = wrapped(reference, "eager")
    assert policy.engine.name == "eager"
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_engine_that_never_computes_anew_is_refused(reference_policy, monkeypatch, dtype):
    reference = reference_policy(cameras={}, environment_dim=2)

    def stale(workshop, _name, _dtype):
        layers = range(workshop.spec.encoder_layers)
        result = EagerForward(workshop.exact)(noise_inputs(workshop.spec), layers)
        return lambda *_: result

    monkeypatch.setattr(EngineFactory, "engine", stale)
    with pytest.raises(PolicyError, match="the same results whatever the observation"):
        wrapped(reference, "compile", dtype)


@pytest.mark.parametrize("place", ["chunk", "attention"])
def test_an_engine_whose_results_are_not_finite_is_refused(reference_policy, monkeypatch, place):
    reference = reference_policy(cameras={}, environment_dim=2)

    def spoiled(workshop, _name, _dtype):
        def run(prepared, layers):
            result = EagerForward(workshop.exact)(prepared, layers)
            return result._replace(**{place: getattr(result, place) * torch.nan})

        return run

    monkeypatch.setattr(EngineFactory, "engine", spoiled)
    with pytest.raises(PolicyError, match="differs from the eager pass by nan"):
        wrapped(reference, "compile")


@pytest.mark.parametrize("what", ["tokens", "encoder attention"])
def test_an_engine_that_mixes_up_its_layers_is_refused(reference_policy, monkeypatch, what):
    reference = reference_policy(cameras={}, environment_dim=2, n_encoder_layers=2)

    def mixed(workshop, _name, _dtype):
        def run(prepared, layers):
            result = EagerForward(workshop.exact)(prepared, layers)
            if what == "tokens":
                return result._replace(places=result.places[::-1])
            shown = result.encoder_attention
            return result._replace(encoder_attention={0: shown[1], 1: shown[0]})

        return run

    monkeypatch.setattr(EngineFactory, "engine", mixed)
    with pytest.raises(PolicyError, match="differs from the eager pass by"):
        wrapped(reference, "compile")


def test_an_engine_with_other_shapes_is_refused(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)

    def cut(workshop, _name, _dtype):
        def run(prepared, layers):
            result = EagerForward(workshop.exact)(prepared, layers)
            return result._replace(attention=result.attention[:, :, :1])

        return run

    monkeypatch.setattr(EngineFactory, "engine", cut)
    with pytest.raises(PolicyError, match="its results have the shapes"):
        wrapped(reference, "compile")


def replaced(name, make):
    def change(model):
        setattr(model, name, make(getattr(model, name)))

    return change


class OwnLinear(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replaced("action_head", torch.nn.Sequential), "action_head is a Sequential"),
        (
            replaced("encoder_img_feat_input_proj", torch.nn.Sequential),
            "encoder_img_feat_input_proj is a Sequential",
        ),
        (
            replaced(
                "encoder_img_feat_input_proj",
                lambda p: torch.nn.Conv2d(
                    p.in_channels, p.out_channels, 3, padding=1, padding_mode="reflect"
                ),
            ),
            "encoder_img_feat_input_proj pads by reflect",
        ),
        (
            replaced("encoder_robot_state_input_proj", torch.nn.Sequential),
            "encoder_robot_state_input_proj is a Sequential",
        ),
        (
            replaced("encoder_env_state_input_proj", lambda p: OwnLinear(p.in_features, 32)),
            "encoder_env_state_input_proj is a OwnLinear",
        ),
    ],
)
def test_projections_that_are_not_covered_are_left_to_lerobots_pass(
    reference_policy, caplog, change, reason
):
    reference = reference_policy(cameras={TOP: (64, 96)}, environment_dim=2)
    change(reference.policy.model)
    with caplog.at_level(logging.INFO, logger="pam_ros.policy.engines.choose"):
        policy = wrapped(reference, "eager")
    assert policy.engine.name == "hooks"
    assert reason in policy.engine.reason
    assert caplog.text.count(reason) == 1
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


def test_a_pass_that_cannot_be_built_is_left_to_lerobots(reference_policy, monkeypatch, caplog):
    reference = reference_policy(cameras={}, environment_dim=2)

    def fail(*_, **__):
        raise AttributeError("no such weight")

    monkeypatch.setattr("pam_ros.policy.engines.workshop.ActGraph", fail)
    with caplog.at_level(logging.INFO, logger="pam_ros.policy.engines.choose"):
        policy = wrapped(reference, "eager")
    assert policy.engine.name == "hooks"
    assert "AttributeError: no such weight" in policy.engine.reason
    assert caplog.text.count("no such weight") == 1


def test_a_new_engine_is_a_maker_and_an_entry(reference_policy, monkeypatch):
    """Named, made, checked against the eager pass, picked by auto: without a word elsewhere."""
    module = types.ModuleType("pam_ros.policy.engines.mine")
    module.make_mine = lambda workshop, dtype: EagerForward(workshop.fast(dtype))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = EngineEntry("mine", "mine:make_mine", "cpu", "device cpu", {"cpu": "mine"}, faster=True)
    monkeypatch.setattr(names, "ENGINES", {"mine": entry, **names.ENGINES})
    monkeypatch.setattr("pam_ros.policy.engines.workshop.ENGINES", names.ENGINES)
    monkeypatch.setattr("pam_ros.policy.options.CHOICES", ("auto", *names.ENGINES))
    reference = reference_policy(cameras={TOP: (32, 40)})
    policy = wrapped(reference, "auto")
    assert (policy.engine.name, policy.engine.reason) == ("mine", "auto: mine")
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))
    assert wrapped(reference, "mine").engine.could == ("bfloat16",)
    assert wrapped(reference, "eager").engine.could == ("mine", "openvino")
    with pytest.raises(PolicyError, match="'fifth' must be auto, mine, eager, compile, openvino"):
        wrapped(reference, "fifth")


def test_auto_picks_what_an_entry_says_of_the_device():
    assert names.auto_choice("cuda") == ("cuda_graph", "auto: the device is CUDA")
    assert names.auto_choice("mps") == ("eager", "auto: the device is mps, and eager runs on any")
    assert names.auto_choice("cpu")[0] == "eager"
