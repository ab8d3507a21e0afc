"""Records tests/golden/optimizers.json: 30 float64 steps of every optimizer rule from the published formulas.

    python -m tests.golden.make_optimizers

Each case names the densor.optimizers class and its arguments, the start weights of two variables, the 30
gradients and the weights after each step. Gradients span six decades, so that epsilon and clipping matter.
"""

import json
from pathlib import Path

import numpy as np

from tests.reference import optimizer

PATH = Path(__file__).with_name("optimizers.json")
STEPS = 30
SHAPES = ((3, 2), (2,))

# name: (class, arguments of the class, rule, options of the rule)
CASES = {
    "sgd": ("SGD", {"learning_rate": 0.05}, "sgd", {}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}, "momentum", {"momentum": 0.9}),
    "nesterov": (
        "SGD",
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
        "nesterov",
        {"momentum": 0.9},
    ),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}, "rmsprop", {}),
    "rmsprop_rho_epsilon": (
        "RMSprop",
        {"learning_rate": 0.01, "rho": 0.7, "epsilon": 1e-3},
        "rmsprop",
        {"rho": 0.7, "epsilon": 1e-3},
    ),
    "rmsprop_momentum": (
        "RMSprop",
        {"learning_rate": 0.01, "momentum": 0.8},
        "rmsprop",
        {"momentum": 0.8},
    ),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.01, "centered": True}, "rmsprop", {"centered": True}),
    "rmsprop_centered_momentum": (
        "RMSprop",
        {"learning_rate": 0.01, "centered": True, "momentum": 0.8},
        "rmsprop",
        {"centered": True, "momentum": 0.8},
    ),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}, "adagrad", {}),
    "adagrad_initial": (
        "Adagrad",
        {"learning_rate": 0.1, "initial_accumulator_value": 0.5},
        "adagrad",
        {"initial": 0.5},
    ),
    "adam": ("Adam", {"learning_rate": 0.01}, "adam", {}),
    "adam_betas_epsilon": (
        "Adam",
        {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4},
        "adam",
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4},
    ),
    "adamw": ("AdamW", {"learning_rate": 0.01}, "adam", {"weight_decay": 0.004}),
    "adamax": ("Adamax", {"learning_rate": 0.01}, "adamax", {}),
    "nadam": ("Nadam", {"learning_rate": 0.01}, "nadam", {}),
    "sgd_clipvalue": (
        "SGD",
        {"learning_rate": 0.05, "clipvalue": 0.2},
        "sgd",
        {"clipping": {"clipvalue": 0.2}},
    ),
    "momentum_clipnorm": (
        "SGD",
        {"learning_rate": 0.05, "momentum": 0.9, "clipnorm": 0.5},
        "momentum",
        {"momentum": 0.9, "clipping": {"clipnorm": 0.5}},
    ),
    "adam_global_clipnorm": (
        "Adam",
        {"learning_rate": 0.01, "global_clipnorm": 0.5},
        "adam",
        {"clipping": {"global_clipnorm": 0.5}},
    ),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}, "adadelta", {}),
    "adadelta_rho_epsilon": (
        "Adadelta",
        {"learning_rate": 0.5, "rho": 0.8, "epsilon": 1e-3},
        "adadelta",
        {"rho": 0.8, "epsilon": 1e-3},
    ),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}, "adam", {"amsgrad": True}),
    "amsgrad_betas_decay": (
        "AdamW",
        {"learning_rate": 0.01, "weight_decay": 0.1, "beta_1": 0.8, "beta_2": 0.7, "amsgrad": True},
        "adam",
        {"weight_decay": 0.1, "beta_1": 0.8, "beta_2": 0.7, "amsgrad": True},
    ),
    "adam_paper": (
        "Adam",
        {"learning_rate": 0.01, "epsilon": 1e-4, "epsilon_mode": "paper"},
        "adam",
        {"epsilon": 1e-4, "paper": True},
    ),
    "nadam_momentum_decay": (
        "Nadam",
        {"learning_rate": 0.01, "momentum_decay": 0.004},
        "nadam",
        {"momentum_decay": 0.004},
    ),
    "radam": ("RAdam", {"learning_rate": 0.01}, "radam", {}),
    "radam_betas_epsilon": (
        "RAdam",
        {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-4},
        "radam",
        {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-4},
    ),
    "lion": ("Lion", {"learning_rate": 0.01}, "lion", {}),
    "lion_decay": (
        "Lion",
        {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.9, "weight_decay": 0.1},
        "lion",
        {"beta_1": 0.8, "beta_2": 0.9, "weight_decay": 0.1},
    ),
    "lamb": ("Lamb", {"learning_rate": 0.01}, "lamb", {}),
    "lamb_decay_clipnorm": (
        "Lamb",
        {"learning_rate": 0.01, "beta_1": 0.8, "epsilon": 1e-4, "weight_decay": 0.1, "clipnorm": 0.5},
        "lamb",
        {"beta_1": 0.8, "epsilon": 1e-4, "weight_decay": 0.1, "clipping": {"clipnorm": 0.5}},
    ),
    "ftrl": ("Ftrl", {"learning_rate": 0.05}, "ftrl", {}),
    "ftrl_strengths": (
        "Ftrl",
        {
            "learning_rate": 0.05,
            "initial_accumulator_value": 0.2,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.02,
            "l2_shrinkage_regularization_strength": 0.03,
            "beta": 0.1,
        },
        "ftrl",
        {"initial": 0.2, "l1": 0.01, "l2": 0.02, "shrinkage": 0.03, "beta": 0.1},
    ),
    "ftrl_power": (
        "Ftrl",
        {"learning_rate": 0.05, "learning_rate_power": -0.7},
        "ftrl",
        {"power": 0.7},
    ),
    "schedule_free": ("ScheduleFreeAdamW", {"learning_rate": 0.01}, "schedule_free", {}),
    "schedule_free_settings": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-4},
        "schedule_free",
        {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-4},
    ),
    "adafactor": ("Adafactor", {"learning_rate": 0.1}, "adafactor", {}),
    "adafactor_settings": (
        "Adafactor",
        {
            "learning_rate": 0.05,
            "beta_2_decay": -0.5,
            "epsilon_1": 1e-4,
            "epsilon_2": 0.9,
            "clip_threshold": 0.5,
            "weight_decay": 0.1,
            "clipnorm": 0.5,
        },
        "adafactor",
        {
            "decay": -0.5,
            "epsilon_1": 1e-4,
            "epsilon_2": 0.9,
            "threshold": 0.5,
            "weight_decay": 0.1,
            "clipping": {"clipnorm": 0.5},
        },
    ),
    "muon": (
        "Muon",
        {"learning_rate": 0.01, "adam_weight_decay": None, "weight_decay": None},
        "muon",
        {},
    ),
    "muon_settings": (
        "Muon",
        {
            "learning_rate": 0.01,
            "momentum": 0.8,
            "nesterov": False,
            "rms_rate": None,
            "ns_steps": 3,
            "weight_decay": None,
            "adam_weight_decay": 0.1,
            "global_clipnorm": 0.5,
        },
        "muon",
        {
            "momentum": 0.8,
            "nesterov": False,
            "rate": None,
            "steps": 3,
            "adam_decay": 0.1,
            "clipping": {"global_clipnorm": 0.5},
        },
    ),
    "nesterov_decay": (
        "SGD",
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        "nesterov",
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
    "nadam_decay_clipvalue": (
        "Nadam",
        {"learning_rate": 0.01, "weight_decay": 0.05, "clipvalue": 0.3},
        "nadam",
        {"weight_decay": 0.05, "clipping": {"clipvalue": 0.3}},
    ),
}


def inputs():
    """Start weights (2 variables) and STEPS gradients, all exactly representable in float32."""
    rng = np.random.default_rng(20)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    gradients = [
        [(rng.normal(size=s) * 10.0 ** rng.uniform(-4, 1, size=s)).astype(np.float32) for s in SHAPES]
        for _ in range(STEPS)
    ]
    return weights, gradients


def trajectory(arguments, rule, options, weights, gradients):
    states = [{} for _ in weights]
    weights = [w.astype(np.float64) for w in weights]
    for t, step_gradients in enumerate(gradients, start=1):
        weights = optimizer.step(
            rule, weights, step_gradients, states, t, lr=arguments["learning_rate"], **options
        )
        yield weights


def make():
    weights, gradients = inputs()
    cases = {}
    for name, (optimizer_class, arguments, rule, options) in CASES.items():
        steps = trajectory(arguments, rule, options, weights, gradients)
        cases[name] = {
            "class": optimizer_class,
            "arguments": arguments,
            "weights": [np.concatenate([w.ravel() for w in step]).tolist() for step in steps],
        }
    return {
        "shapes": SHAPES,
        "start": [w.tolist() for w in weights],
        "gradients": [[g.tolist() for g in step] for step in gradients],
        "cases": cases,
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(make(), indent=None, separators=(",", ":")) + "\n")
