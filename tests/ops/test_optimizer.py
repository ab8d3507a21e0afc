"""The fused optimizer pass: golden steps, clipping, decay by segment, gaps, every target."""

import json
from pathlib import Path

import numpy as np
import pytest

import densor
from densor import optimizers
from tests.golden import make_optimizers
from tests.ops.harness import TARGETS, _core, normal, on_every_target
from tests.reference import optimizer as reference
from tests.tolerances import assert_close

GOLDEN = json.loads(Path(make_optimizers.PATH).read_text())
ALIGN = 16  # floats; a variable starts at a multiple


class Flat:
    """Variables side by side in one float32 arena, gaps zero, as densor.graph lays them out."""

    def __init__(self, arrays):
        sizes = [array.size for array in arrays]
        padded = [-(-size // ALIGN) * ALIGN for size in sizes]
        offsets = np.concatenate([[0], np.cumsum(padded)])
        self.segments = np.stack([offsets[:-1], sizes], axis=1).astype(np.int64)
        self.size = int(offsets[-1])

    def join(self, arrays, gap=0.0):
        flat = np.full(self.size, gap, np.float32)
        for (offset, size), array in zip(self.segments, arrays, strict=True):
            flat[offset : offset + size] = np.ravel(array)
        return flat

    def split(self, flat):
        return [flat[offset : offset + size] for offset, size in self.segments]


def test_golden_file_is_what_the_formulas_make():
    made = json.loads(json.dumps(make_optimizers.make()))
    assert made.keys() == GOLDEN.keys()
    assert made["cases"].keys() == GOLDEN["cases"].keys()
    for name, case in made["cases"].items():
        np.testing.assert_allclose(
            case["weights"], GOLDEN["cases"][name]["weights"], rtol=1e-12, err_msg=name
        )


def step_of(rule, flat, slots, decayed, clipping, **prepared):
    """A build function for the harness over parameters w, gradients g and the slots s0, s1, ..."""
    clips = [clipping.get(name) for name in ("clipvalue", "clipnorm", "global_clipnorm")]

    def build(o, i):
        states = [getattr(o, f"s{k}") for k in range(slots)]
        return _core.optimizer(o.w, o.g, states, flat.segments, decayed, rule, *clips, **prepared)

    return build


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_golden_steps(name):
    case = GOLDEN["cases"][name]
    instance = getattr(optimizers, case["class"])(**case["arguments"])
    start = [np.array(w, np.float32) for w in GOLDEN["start"]]
    flat = Flat(start)
    coefficients = instance.coefficients(0, len(case["weights"]))
    clipping = {k: getattr(instance, k) for k in ("clipvalue", "clipnorm", "global_clipnorm")}
    variables = tuple(densor.Variable(w) for w in start)
    prepared = {
        "matrices": instance.matrices(variables), "iterations": instance.iterations_of_directions
    }  # fmt: skip
    build = step_of(
        instance.rule, flat, len(instance.slots), np.ones(len(start), np.uint8), clipping, **prepared
    )
    states = {
        target: {
            "w": flat.join(start),
            **{
                f"s{k}": flat.join(
                    [
                        w
                        if (instance.rule, s) == ("schedule_free", "momentum")
                        else w * 0 + instance.initial_slot(s)
                        for w in start
                    ]
                )
                for k, s in enumerate(instance.slots)
            },
        }
        for target in TARGETS
    }
    for t, expected in enumerate(case["weights"]):
        gradients = flat.join([np.array(g) for g in GOLDEN["gradients"][t]])
        for target, state in states.items():
            result = on_every_target(
                build, {}, {**state, "g": gradients}, targets=(target,), step=t, hyper=coefficients[t : t + 1]
            )[target]
            state.update({key: result[key] for key in state})
            actual = np.concatenate(flat.split(state["w"]))
            assert_close(actual, expected, "golden", magnitude=(t + 1) ** 0.5)


CLIP_VECTORS = [  # the deck's own numbers
    ({"clipvalue": 1.0}, [0.9, 1.0]),
    ({"clipnorm": 1.0}, [0.00899964, 0.9999595]),
    ({"global_clipnorm": 1.0}, [0.00899964, 0.9999595]),
]


@pytest.mark.parametrize(("clipping", "expected"), CLIP_VECTORS)
def test_clip_vectors(clipping, expected):
    """Plain SGD with learning rate 1 from zero: the weights are minus the clipped gradient."""
    flat = Flat([np.zeros(2)])
    results = on_every_target(
        step_of("sgd", flat, 0, np.zeros(1, np.uint8), clipping),
        {},
        {"w": flat.join([np.zeros(2)]), "g": flat.join([[0.9, 100.0]])},
        hyper=np.array([[0.0, 1.0]], np.float32),
    )
    for target, result in results.items():
        np.testing.assert_allclose(-result["w"][:2], expected, rtol=1e-6, err_msg=target)


@pytest.mark.parametrize(
    "clipping", [{"clipnorm": 0.7}, {"global_clipnorm": 0.7}, {"clipvalue": 0.05}], ids=str
)
@pytest.mark.parametrize("sizes", [(1,), (31, 33), (300, 1, 16, 127), (20000, 7)], ids=str)
def test_clipping_of_many_variables(clipping, sizes):
    rng = np.random.default_rng(sizes)
    weights, gradients = [normal(rng, n) for n in sizes], [normal(rng, n, scale=0.1) for n in sizes]
    flat = Flat(weights)
    expected = reference.step("sgd", weights, gradients, [{} for _ in sizes], 1, lr=0.5, clipping=clipping)
    results = on_every_target(
        step_of("sgd", flat, 0, np.zeros(len(sizes), np.uint8), clipping),
        {},
        {"w": flat.join(weights), "g": flat.join(gradients)},
        hyper=np.array([[0.0, 0.5]], np.float32),
    )
    for result in results.values():
        for actual, want in zip(flat.split(result["w"]), expected, strict=True):
            assert_close(actual, want, "optimizer")


@pytest.mark.parametrize("clipping", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}], ids=str)
def test_zero_gradient_clips_to_zero(clipping):
    flat = Flat([np.ones(33)])
    results = on_every_target(
        step_of("sgd", flat, 0, np.zeros(1, np.uint8), clipping),
        {},
        {"w": flat.join([np.ones(33)]), "g": flat.join([np.zeros(33)])},
        hyper=np.array([[0.0, 0.5]], np.float32),
    )
    for target, result in results.items():
        np.testing.assert_array_equal(result["w"][:33], 1.0, err_msg=target)


def test_decay_only_where_it_applies():
    sizes = (33, 5, 127)
    rng = np.random.default_rng(0)
    weights, gradients = [normal(rng, n) for n in sizes], [normal(rng, n) for n in sizes]
    flat, lr, weight_decay = Flat(weights), 0.1, 0.3
    expected = reference.step(
        "sgd", weights, gradients, [{}] * 3, 1, lr=lr, weight_decay=weight_decay, decays=[True, False, True]
    )
    results = on_every_target(
        step_of("sgd", flat, 0, np.array([1, 0, 1], np.uint8), {}),
        {},
        {"w": flat.join(weights), "g": flat.join(gradients)},
        hyper=np.array([[lr * weight_decay, lr]], np.float32),
    )
    for result in results.values():
        for actual, want in zip(flat.split(result["w"]), expected, strict=True):
            assert_close(actual, want, "optimizer")


@pytest.mark.parametrize("size", [1, 15, 16, 17, 31, 33, 300, 4099, 70001])
def test_sizes_and_tails(size):
    """Adam over one variable of an awkward size; the gap after it stays zero."""
    rng = np.random.default_rng(size)
    w, g, m, v = normal(rng, size), normal(rng, size), normal(rng, size, scale=0.1), np.abs(normal(rng, size))
    flat, lr, b1, b2, eps = Flat([w]), 0.01, 0.9, 0.999, 1e-7
    state = {"momentum": m.astype(np.float64), "velocity": v.astype(np.float64)}
    expected = reference.step("adam", [w], [g], [state], 3, lr=lr)[0]
    alpha = lr * np.sqrt(1 - b2**3) / (1 - b1**3)
    results = on_every_target(
        step_of("adam", flat, 2, np.zeros(1, np.uint8), {}),
        {},
        {"w": flat.join([w]), "g": flat.join([g]), "s0": flat.join([m]), "s1": flat.join([v])},
        hyper=np.array([[0.0, alpha, b1, b2, eps]], np.float32),
    )
    for target, result in results.items():
        assert_close(result["w"][:size], expected, "optimizer")
        assert_close(result["s0"][:size], state["momentum"], "optimizer")
        assert_close(result["s1"][:size], state["velocity"], "optimizer")
        assert not result["w"][size:].any(), target
