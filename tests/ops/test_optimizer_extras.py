"""The optimizer pass beside clip, decay and rule: masks, running means, accumulated gradients, multipliers, scale."""

import numpy as np
import pytest

from tests.ops.harness import _core, normal, on_every_target
from tests.ops.test_optimizer import Flat
from tests.reference import optimizer as reference
from tests.tolerances import assert_close

SIZES = (33, 5, 4100)
LR = 0.125


def arrays(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return [normal(rng, n, scale=scale) for n in SIZES]


def step_of(flat, rule="sgd", slots=0, clips=(None, None, None), **extras):
    """A build function over w, g, slots s0, s1, ..., and what `extras` says: names of outputs, or values."""
    decayed = np.ones(len(SIZES), np.uint8)

    def build(o, i):
        given = {
            name: getattr(o if hasattr(o, value) else i, value) if isinstance(value, str) else value
            for name, value in extras.items()
        }
        states = [getattr(o, f"s{k}") for k in range(slots)]
        return _core.optimizer(o.w, o.g, states, flat.segments, decayed, rule, *clips, **given)

    return build


def mask_words(flat, masks):
    bits = np.zeros(flat.size, bool)
    for (offset, size), mask in zip(flat.segments, masks, strict=True):
        bits[offset : offset + size] = mask
    return np.packbits(bits, bitorder="little").view("<u2").astype(np.uint16)


def check(flat, results, name, expected):
    for target, result in results.items():
        for got, want in zip(flat.split(result[name]), expected, strict=True):
            try:
                assert_close(got, want, "optimizer")
            except AssertionError as error:
                raise AssertionError(f"{target}, {name}: {error}") from None


@pytest.mark.parametrize(
    ("argument", "clipping"), [(None, {}), (1, {"clipnorm": 0.5}), (2, {"global_clipnorm": 0.5})], ids=str
)
def test_masked_weights_and_their_gradients_are_zero(argument, clipping):
    flat = Flat(arrays(0))
    rng = np.random.default_rng(9)
    masks = [rng.random(n) < 0.4 for n in SIZES]
    w, g = arrays(0), arrays(1)
    kept = [np.where(mask, x, 0.0) for mask, x in zip(masks, g, strict=True)]
    start = [np.where(mask, x, 0.0) for mask, x in zip(masks, w, strict=True)]
    states = [{} for _ in SIZES]
    expected = reference.step("momentum", start, kept, states, 1, lr=LR, momentum=0.9, clipping=clipping)
    clips = [None, None, None]
    if argument is not None:
        clips[argument] = 0.5
    results = on_every_target(
        step_of(flat, "momentum", 1, clips, mask="mask"),
        {"mask": mask_words(flat, masks)},
        {"w": flat.join(w), "g": flat.join(g), "s0": np.zeros(flat.size, np.float32)},
        hyper=np.array([[0.0, LR, 0.9]], np.float32),
    )
    check(flat, results, "w", expected)
    check(flat, results, "s0", [state["momentum"] for state in states])


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_running_mean_follows_the_new_weights(overwrite):
    flat = Flat(arrays(0))
    w, g, old = arrays(0), arrays(1), arrays(2)
    new = reference.step("sgd", w, g, [{}] * 3, 1, lr=LR)
    mean = [0.75 * a + 0.25 * b for a, b in zip(old, new, strict=True)]
    results = on_every_target(
        step_of(flat, average="a"),
        {},
        {"w": flat.join(w), "g": flat.join(g), "a": flat.join(old)},
        hyper=np.array([[0.0, LR, 0.75, float(overwrite)]], np.float32),
    )
    check(flat, results, "a", mean)
    check(flat, results, "w", mean if overwrite else new)


@pytest.mark.parametrize("clipping", [{}, {"global_clipnorm": 0.5}], ids=str)
def test_gradients_are_accumulated_and_then_averaged(clipping):
    flat = Flat(arrays(0))
    w, g, old, mean = arrays(0), arrays(1), arrays(2), arrays(3)
    clips = (None, None, clipping.get("global_clipnorm"))
    build = step_of(flat, clips=clips, accumulator="c", accumulation_steps=3, average="a")
    outputs = {"w": flat.join(w), "g": flat.join(g), "c": flat.join(old), "a": flat.join(mean)}
    held = on_every_target(build, {}, outputs, hyper=np.array([[0.5, LR, 0.75, 0.0, 0.0]], np.float32))
    check(flat, held, "w", w)
    check(flat, held, "c", [a + b for a, b in zip(old, g, strict=True)])
    check(flat, held, "a", [0.75 * a + 0.25 * b for a, b in zip(mean, w, strict=True)])
    gradient = [(a + b) / 3 for a, b in zip(old, g, strict=True)]
    new = reference.step("sgd", w, gradient, [{}] * 3, 1, lr=LR, clipping=clipping)
    applied = on_every_target(build, {}, outputs, hyper=np.array([[0.0, LR, 0.75, 0.0, 1.0]], np.float32))
    check(flat, applied, "w", new)
    check(flat, applied, "c", [np.zeros(n) for n in SIZES])


@pytest.mark.parametrize("rule", ["momentum", "adam", "nadam", "lamb"])
def test_multipliers_scale_rate_and_decay_and_zero_freezes(rule):
    flat, factors = Flat(arrays(0)), np.array([0.5, 0.0, 2.0], np.float32)
    w, g = arrays(0), arrays(1)
    rates = {"momentum": (LR,), "adam": (LR,), "nadam": (LR, LR / 2), "lamb": (LR,)}[rule]
    rest = {
        "momentum": (0.9,),
        "adam": (0.9, 0.999, 1e-3),
        "nadam": (0.9, 0.99, 1.5, 1e-3),
        "lamb": (0.9, 0.99, 10.0, 100.0, 1e-3),
    }[rule]
    slots = 1 if rule == "momentum" else 2

    def run(factor, multipliers):
        outputs = {"w": flat.join(w), "g": flat.join(g)}
        outputs |= {f"s{k}": np.zeros(flat.size, np.float32) for k in range(slots)}
        hyper = np.array([[0.25 * factor, *(factor * rate for rate in rates), *rest]], np.float32)
        extras = {} if multipliers is None else {"multipliers": multipliers}
        return on_every_target(
            step_of(flat, rule, slots, (None, 0.5, None), **extras), {}, outputs, hyper=hyper
        )

    results = run(1.0, factors)
    for index, factor in ((0, 0.5), (2, 2.0)):
        alone = run(factor, None)
        for target, result in results.items():
            for name in result:
                got, want = flat.split(result[name])[index], flat.split(alone[target][name])[index]
                np.testing.assert_array_equal(got, want)
    for result in results.values():
        np.testing.assert_array_equal(flat.split(result["w"])[1], w[1])
        for k in range(slots):
            assert not flat.split(result[f"s{k}"])[1].any()


def test_frozen_gradients_do_not_count_for_the_global_norm():
    flat, factors = Flat(arrays(0)), np.array([1.0, 1.0, 0.0], np.float32)
    w, g = arrays(0), arrays(1)
    expected = reference.step("sgd", w[:2], g[:2], [{}] * 2, 1, lr=LR, clipping={"global_clipnorm": 0.5})
    results = on_every_target(
        step_of(flat, clips=(None, None, 0.5), multipliers=factors),
        {},
        {"w": flat.join(w), "g": flat.join(g)},
        hyper=np.array([[0.0, LR]], np.float32),
    )
    check(flat, results, "w", [*expected, w[2]])


@pytest.mark.parametrize(
    "clips", [(None, None, None), (0.1, None, None), (None, 0.5, None), (None, None, 0.5)], ids=str
)
def test_a_scale_is_taken_off_before_clipping(clips):
    flat, scale = Flat(arrays(0)), 1.0 / 1024
    w, g = arrays(0), arrays(1)
    scaled = [x / np.float32(scale) for x in g]  # exact: a power of two
    plain = on_every_target(
        step_of(flat, clips=clips),
        {},
        {"w": flat.join(w), "g": flat.join(g)},
        hyper=np.array([[0.0, LR]], np.float32),
    )
    results = on_every_target(
        step_of(flat, clips=clips, scale=scale),
        {},
        {"w": flat.join(w), "g": flat.join(scaled)},
        hyper=np.array([[0.0, LR]], np.float32),
    )
    for target, result in results.items():
        np.testing.assert_allclose(result["w"], plain[target]["w"], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("zero", ["w", "g"])
def test_lamb_without_a_norm_has_ratio_one(zero):
    flat = Flat(arrays(0))
    w, g = arrays(0), arrays(1)
    blank = [np.zeros(n, np.float32) for n in SIZES]
    w, g = (blank, g) if zero == "w" else (w, blank)
    expected = reference.step("lamb", w, g, [{} for _ in SIZES], 1, lr=LR, epsilon=1e-3)
    results = on_every_target(
        step_of(flat, "lamb", 2),
        {},
        {"w": flat.join(w), "g": flat.join(g), "s0": flat.join(blank), "s1": flat.join(blank)},
        hyper=np.array(
            [[0.0, LR, 0.9, 0.999, 1 / (1 - np.float32(0.9)), 1 / (1 - np.float32(0.999)), 1e-3]], np.float32
        ),
    )
    check(flat, results, "w", expected)


def test_wrong_calls_are_refused():
    flat = Flat(arrays(0))
    w, g = flat.join(arrays(0)), flat.join(arrays(1))

    def call(**extras):
        return _core.optimizer(
            w, g, [], flat.segments, np.ones(3, np.uint8), "sgd", None, None, None, **extras
        )

    hyper = np.array([[0.0, LR]], np.float32)
    for extras, text in (
        ({"average": np.zeros(3, np.float32)}, "average"),
        ({"average": w}, "average"),
        ({"accumulator": g}, "accumulator"),
        ({"accumulation_steps": 0}, "accumulation_steps"),
        ({"mask": np.zeros(3, np.uint16)}, "mask"),
        ({"multipliers": np.ones(2, np.float32)}, "multipliers"),
        ({"multipliers": np.array([1, -1, 1], np.float32)}, "multipliers"),
        ({"multipliers": np.array([1, np.nan, 1], np.float32)}, "multipliers"),
        ({"scale": 0.0}, "scale"),
    ):
        with pytest.raises(ValueError, match=rf"^optimizer\(\): argument '{text}'"):
            call(**extras)
    with pytest.raises(ValueError, match=r"argument 'hyper': expected 4 columns"):
        call(average=np.zeros_like(w)).run(hyper=hyper)
    odd = flat.segments.copy()
    odd[:, 0] += 8
    mask, big = np.zeros(flat.size // 16 + 1, np.uint16), np.zeros(flat.size + 16, np.float32)
    arguments = (big, big.copy(), [], odd, np.ones(3, np.uint8), "sgd", None, None, None)
    with pytest.raises(ValueError, match=r"argument 'segments': segment 0 begins at 8, with a mask"):
        _core.optimizer(*arguments, mask=mask)
