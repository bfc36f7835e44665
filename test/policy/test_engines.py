# SPDX-License-Identifier: Apache-2.0
"""Every engine computes lerobot's chunk and attention; one that cannot be had says why."""

from __future__ import annotations

import importlib
import logging
import shutil
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from pam_ros.policy import DTYPES, ENGINES, PolicyError, load_policy, wrap
from pam_ros.policy.act_hooks import HookedForward
from pam_ros.policy.engine_cuda_graph import CudaGraphEngine
from pam_ros.policy.engine_eager import EagerForward
from pam_ros.policy.engines import _Workshop, noise_inputs
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.kernels import PlainKernels

TOP, WRIST = "observation.images.top", "observation.images.wrist"

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
HERE = [
    "eager",
    pytest.param("openvino", marks=needs_openvino),
]
# What changes the graph, each at least once.
CONFIGURATIONS = [
    {"cameras": {TOP: (64, 96), WRIST: (48, 64)}, "environment_dim": 3},
    {"cameras": {TOP: (64, 64)}, "pre_norm": True, "n_decoder_layers": 2, "state_dim": 0},
    {"cameras": {}, "environment_dim": 2, "n_decoder_layers": 3, "use_vae": False},
    {
        "cameras": {TOP: (40, 56)},
        "vision_backbone": "resnet50",
        "replace_final_stride_with_dilation": True,
    },
]


def wrapped(reference, engine, dtype="float32"):
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor, engine, dtype)


def assert_lerobots(policy, reference, observation):
    """The policy's output against lerobot's own pass, with the weights taken by hooks."""
    layers = range(policy.spec.encoder_layers)
    policy.show_encoder_layers(layers)
    output = policy.explain(observation)
    expected = HookedForward(reference.policy.model)(policy.prepare([observation]), layers)
    chunk = reference.postprocessor(expected.chunk[0]).numpy()
    assert reference.normalised_difference(output.chunk, chunk) <= 1e-5
    assert np.abs(output.attention - expected.attention[0].numpy()).max() <= 1e-6
    assert np.abs(output.tokens - expected.places[-1][0].numpy()).max() <= 1e-4
    for layer in layers:
        weights = expected.encoder_attention[layer][0].numpy()
        # The folded ResNet rounds its features differently, and softmax passes that on.
        assert np.abs(output.encoder_attention[layer] - weights).max() <= 5e-5


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


@needs_openvino
def test_openvinos_blob_is_found_again_and_replaced_when_damaged(
    reference_policy, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    reference = reference_policy(cameras={}, environment_dim=2, n_encoder_layers=1)
    saved = reference.save(tmp_path / "act")
    observation = reference.observation(np.random.default_rng(0))
    first = load_policy(saved, device="cpu", engine="openvino")
    assert not first._engine.from_cache
    (blob,) = (tmp_path / "pam_ros" / "openvino").iterdir()
    again = load_policy(saved, device="cpu", engine="openvino")
    assert again._engine.from_cache
    np.testing.assert_array_equal(first.step(observation).chunk, again.step(observation).chunk)
    load_policy(saved, device="cpu", engine="openvino", dtype="bfloat16")
    assert len(list(blob.parent.iterdir())) == 2  # another precision, another blob
    size = blob.stat().st_size
    blob.write_bytes(b"no blob")
    with caplog.at_level(logging.WARNING, logger="pam_ros"):
        anew = load_policy(saved, device="cpu", engine="openvino")
    assert "is compiled anew" in caplog.text
    assert not anew._engine.from_cache
    np.testing.assert_array_equal(anew.step(observation).chunk, first.explain(observation).chunk)
    assert blob.stat().st_size == pytest.approx(size, rel=0.01)


def test_openvino_that_is_not_installed_is_named(saved, monkeypatch):
    real = importlib.import_module

    def without(name, *args):
        if name == "openvino":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(PolicyError, match=r"needs the package openvino: .*pam_ros\[openvino\]"):
        load_policy(saved, device="cpu", engine="openvino")


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
    monkeypatch.setattr("pam_ros.policy.engines.usable", lambda _dtype: False)
    policy = wrapped(reference, "eager")
    graph = policy._engine._graph
    assert type(graph.head) is type(PlainKernels().affine(torch.zeros(1, 1), torch.zeros(1)))
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


def test_a_prepacked_pass_that_fails_gives_way_to_the_plain_one(reference_policy, monkeypatch):
    reference = reference_policy(cameras={TOP: (32, 40)})

    def fail(*_):
        raise RuntimeError("could not create a memory")

    monkeypatch.setattr("pam_ros.policy.onednn._Convolution.forward", fail)
    policy = wrapped(reference, "eager")
    assert policy.engine.name == "eager"
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


def recomputed_into_place(run):
    """As a CUDA graph: each replay writes what the inputs now give into the first results."""
    results = run()

    def replay():
        again = run()
        for kept, new in zip(
            (results.chunk, results.attention, *results.places),
            (again.chunk, again.attention, *again.places),
            strict=True,
        ):
            kept.copy_(new)

    return results, replay


def test_a_replayed_graph_reads_new_inputs_and_gives_away_copies(reference_policy):
    """All of the CUDA graph's engine but the capture itself."""
    reference = reference_policy(cameras={TOP: (32, 40)}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = _Workshop(policy.model, policy.spec)
    example = noise_inputs(policy.spec)
    graph = workshop._plain("float32")
    engine = CudaGraphEngine(
        graph, workshop.exact, example, "cpu", "float32", recomputed_into_place
    )
    rng = np.random.default_rng(0)
    first, second = (policy.prepare([reference.observation(rng)]) for _ in range(2))
    kept = engine(first, [1])
    chunk = kept.chunk.clone()
    other = engine(second)
    assert torch.equal(kept.chunk, chunk)
    for result, inputs in ((kept, first), (other, second)):
        expected = HookedForward(reference.policy.model)(inputs, [1])
        assert (result.chunk - expected.chunk).abs().max() <= 1e-5
        assert (result.attention - expected.attention).abs().max() <= 1e-6
    assert list(kept.encoder_attention) == [1]


def test_a_float32_graph_is_captured_without_tf32_and_the_switch_goes_back(
    reference_policy, monkeypatch
):
    reference = reference_policy(cameras={}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = _Workshop(policy.model, policy.spec)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    seen = []

    def capture(run):
        seen.append(torch.backends.cudnn.allow_tf32)
        return recomputed_into_place(run)

    for dtype in ("float32", "bfloat16"):
        graph, example = workshop._plain(dtype), noise_inputs(policy.spec)
        CudaGraphEngine(graph, workshop.exact, example, "cpu", dtype, capture)
        assert torch.backends.cudnn.allow_tf32
    assert seen == [False, True]


def test_a_graph_is_captured_and_replayed_on_its_own_device(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = _Workshop(policy.model, policy.spec)
    current = []
    seen = []

    @contextmanager
    def device(which):
        current.append(str(which))
        yield
        current.pop()

    def capture(run):
        results, replay = recomputed_into_place(run)
        seen.append(list(current))

        def watched():
            seen.append(list(current))
            replay()

        return results, watched

    monkeypatch.setattr(torch.cuda, "device", device)
    graph, example = workshop._plain("float32"), noise_inputs(policy.spec)
    engine = CudaGraphEngine(graph, workshop.exact, example, "cuda:1", "float32", capture)
    engine(example)
    assert seen == [["cuda:1"], ["cuda:1"]]
    assert current == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_engine_that_never_computes_anew_is_refused(reference_policy, monkeypatch, dtype):
    reference = reference_policy(cameras={}, environment_dim=2)

    def stale(workshop, _name, _dtype):
        result = EagerForward(workshop.exact)(noise_inputs(workshop.spec))
        return lambda *_: result

    monkeypatch.setattr(_Workshop, "engine", stale)
    with pytest.raises(PolicyError, match="the same results whatever the observation"):
        wrapped(reference, "compile", dtype)


@pytest.mark.parametrize("place", ["chunk", "attention"])
def test_an_engine_whose_results_are_not_finite_is_refused(reference_policy, monkeypatch, place):
    reference = reference_policy(cameras={}, environment_dim=2)

    def spoiled(workshop, _name, _dtype):
        def run(prepared):
            result = EagerForward(workshop.exact)(prepared)
            return result._replace(**{place: getattr(result, place) * torch.nan})

        return run

    monkeypatch.setattr(_Workshop, "engine", spoiled)
    with pytest.raises(PolicyError, match="differs from the eager pass by nan"):
        wrapped(reference, "compile")


def test_an_engine_with_other_shapes_is_refused(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)

    def cut(workshop, _name, _dtype):
        def run(prepared):
            result = EagerForward(workshop.exact)(prepared)
            return result._replace(attention=result.attention[:, :, :1])

        return run

    monkeypatch.setattr(_Workshop, "engine", cut)
    with pytest.raises(PolicyError, match="its results have the shapes"):
        wrapped(reference, "compile")


@needs_openvino
@pytest.mark.parametrize("key", ["their own", "the same"])
def test_a_blob_of_other_heads_with_the_same_weights_is_never_used(
    reference_policy, tmp_path, monkeypatch, caplog, key
):
    """The weights' bytes and the inputs are alike; the configuration alone tells them apart."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if key == "the same":  # as if the key had left something out
        monkeypatch.setattr("pam_ros.policy.engine_openvino._key", lambda *_: "key")
    options = {"cameras": {}, "environment_dim": 2, "n_encoder_layers": 1}
    references = [reference_policy(n_heads=heads, **options) for heads in (4, 8)]
    observation = references[0].observation(np.random.default_rng(0))
    policies = []
    for index, reference in enumerate(references):
        with caplog.at_level(logging.WARNING, logger="pam_ros"):
            policy = load_policy(
                reference.save(tmp_path / str(index)), device="cpu", engine="openvino"
            )
        policies.append(policy)
        assert not policy._engine.from_cache
        assert policy.explain(observation).attention.shape[1] == reference.policy.config.n_heads
        assert_lerobots(policy, reference, observation)
    assert policies[0].spec.sha256 == policies[1].spec.sha256
    assert ("compiled anew" in caplog.text) == (key == "the same")
    again = load_policy(tmp_path / "1", device="cpu", engine="openvino", n_action_steps=2)
    assert again._engine.from_cache  # what is done with the chunk is no part of the pass


@needs_openvino
def test_openvino_reports_the_precision_that_really_runs(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)
    # As on a CPU without bfloat16, where OpenVINO computes in float32 whatever the hint.
    monkeypatch.setattr(
        "pam_ros.policy.engine_openvino._PRECISIONS", {"float32": "f32", "bfloat16": "f32"}
    )
    report = wrapped(reference, "openvino", "bfloat16").engine
    assert report.dtype == "float32"
    assert "no bfloat16" in report.reason


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
    with caplog.at_level(logging.INFO, logger="pam_ros.policy.engines"):
        policy = wrapped(reference, "eager")
    assert policy.engine.name == "hooks"
    assert reason in policy.engine.reason
    assert caplog.text.count(reason) == 1
    assert_lerobots(policy, reference, reference.observation(np.random.default_rng(0)))


def test_a_pass_that_cannot_be_built_is_left_to_lerobots(reference_policy, monkeypatch, caplog):
    reference = reference_policy(cameras={}, environment_dim=2)

    def fail(*_, **__):
        raise AttributeError("no such weight")

    monkeypatch.setattr("pam_ros.policy.engines.ActGraph", fail)
    with caplog.at_level(logging.INFO, logger="pam_ros.policy.engines"):
        policy = wrapped(reference, "eager")
    assert policy.engine.name == "hooks"
    assert "AttributeError: no such weight" in policy.engine.reason
    assert caplog.text.count("no such weight") == 1


@needs_cuda
@pytest.mark.parametrize("tf32", [True, False])
@pytest.mark.parametrize("options", CONFIGURATIONS[:3], ids=range(3))
def test_cuda_graph_agrees_with_lerobot(reference_policy, tmp_path, monkeypatch, options, tf32):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)
    reference = reference_policy(**options)
    policy = load_policy(reference.save(tmp_path), device="cuda", engine="cuda_graph")
    assert policy.engine.name == "cuda_graph"
    rng = np.random.default_rng(0)
    for _ in range(3):
        observation = reference.observation(rng)
        inputs = policy.prepare([observation])
        result = policy.forward(inputs)
        with full_float32():
            expected = HookedForward(policy.model)(inputs)
        assert np.abs(result.normalised - expected.chunk.cpu().numpy()).max() <= 1e-5
        assert np.abs(result.attention - expected.attention.cpu().numpy()).max() <= 1e-6
