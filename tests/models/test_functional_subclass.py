"""Subclasses of Model that are made from tensors, as the guides of Keras write them."""

import numpy as np
import pytest

import densor
from densor import layers
from tests.models.build import data

X, Y = data()


def ends():
    x = densor.Input((6,))
    return x, layers.Dense(3, activation="softmax")(layers.Dense(5, activation="relu", name="hidden")(x))


def own(**members):
    """A class of its own for each test: the first model made from tensors changes its bases."""
    return type("Own", (densor.Model,), members)


def compiled(model):
    model.compile(densor.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


def test_a_step_of_its_own():
    seen = []

    def train_step(self, batch):
        seen.append(len(batch[0]))
        return densor.Model.train_step(self, batch)

    densor.utils.set_random_seed(1)
    model, plain = compiled(own(train_step=train_step)(*ends())), compiled(densor.Model(*ends()))
    plain.set_weights(model.get_weights())
    histories = [m.fit(X, Y, batch_size=35, shuffle=False, verbose=0).history["loss"] for m in (model, plain)]
    assert seen == [35, 35]
    np.testing.assert_allclose(*histories, rtol=1e-5)
    assert [layer.name for layer in model.layers][1] == "hidden"


@pytest.mark.parametrize("keywords", [False, True])
def test_a_call_around_that_of_the_tensors(keywords):
    def call(self, inputs, training=None):
        return densor.models.Functional.call(self, inputs, training=training) * 2.0

    x, y = ends()
    cls = own(call=call)
    model = cls(inputs=x, outputs=y, name="double") if keywords else cls(x, y)
    assert isinstance(model, cls)
    assert type(model).__name__ == "Own"
    plain = densor.Model(x, y)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * plain.predict(X, verbose=0), rtol=1e-6)
    assert model.name == ("double" if keywords else model.name)


def test_tensors_made_in_init():
    class Inside(densor.Model):
        def __init__(self, units):
            x = densor.Input((6,))
            super().__init__(x, layers.Dense(units, activation="softmax")(x))
            self.units = units

    model = compiled(Inside(3))
    model.fit(X, Y, verbose=0)
    assert (model.units, len(model.layers), model.count_params()) == (3, 2, 21)


def test_bases_beside_model_and_below_it():
    class Named:
        def title(self):
            return f"the {self.name}"

    class Middle(Named, densor.Model):
        pass

    class Lowest(Middle):
        pass

    assert Lowest(*ends(), name="net").title() == "the net"
    assert Lowest(*ends()).predict(X, verbose=0).shape == (70, 3)


def test_it_comes_back_from_a_file(tmp_path):
    cls = own()
    model = compiled(cls(*ends()))
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model")
    fresh = own()  # as in another process, where nothing was made from tensors yet
    again = densor.models.load_model(tmp_path / "model", custom_objects={"Own": fresh})
    assert type(again) is fresh
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_subclasses_without_tensors_are_as_before():
    cls = own(call=lambda self, inputs, training=None: inputs * 2.0)
    np.testing.assert_array_equal(cls(name="twice").predict(X, verbose=0), 2 * X)
    assert not issubclass(cls, densor.models.Functional)
    with pytest.raises(TypeError, match=r"Own\(\): argument 'input': unexpected keyword"):
        cls(input=3)
