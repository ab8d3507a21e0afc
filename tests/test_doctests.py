"""Every example in a docstring runs and gives what it says; everything public has a docstring."""

import doctest
import importlib
import inspect
import pkgutil
from contextlib import nullcontext

import numpy as np
import pytest

import densor

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(densor.__path__, "densor.")
    if not module.name.endswith(("__main__", "_core"))
)


NEEDS = {"densor.wrappers": "sklearn"}  # modules for the users of another library
DEFAULTS = {"densor.config"}  # their examples show the device of a new process


def imported(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may save a file
    densor.utils.set_random_seed(0)
    with densor.device("cpu") if name in DEFAULTS else nullcontext():
        failed, _ = doctest.testmod(
            imported(name),
            extraglobs={"densor": densor, "keras": densor, "np": np},
            optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        )
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if "._" not in name])
def test_public_names_are_documented(name):
    module = imported(name)
    assert module.__doc__, f"{name} has no docstring"
    for attribute in getattr(module, "__all__", []):
        value = getattr(module, attribute)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"
