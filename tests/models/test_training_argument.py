"""Models whose call has no argument `training`: fit runs them as Keras 3.15.1 does."""

import numpy as np
import pytest

import densor
from densor import layers
from tests.models.build import data

MESSAGE = r"compile\(\): Plain\.call\(\) has no argument 'training'"


class Plain(densor.Model):
    """Batch normalization and dropout, which do not learn of the mode in fit."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts) or [layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.9)]
        self.head = layers.Dense(3, activation="softmax")

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return self.head(x)


class Told(Plain):
    def call(self, x, training=None):
        for part in self.parts:
            x = part(x, training=training)
        return self.head(x)


class Spread(Plain):
    def call(self, x, **options):
        return super().call(x)


def fitted(model):
    densor.utils.set_random_seed(4)
    x, y = data()
    model.build((None, 6))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, model.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"]


def test_fit_runs_such_a_model_in_inference_mode():
    with pytest.warns(UserWarning, match=MESSAGE):
        model, losses = fitted(Plain())
    assert not model.parts[1].moving_mean.numpy().any()
    told, other = fitted(Told())
    assert told.parts[1].moving_mean.numpy().any()
    assert losses != other
    # The first loss of an epoch of one batch is what evaluate says: nothing was dropped.
    x, y = data()
    before = model.evaluate(x, y, verbose=0)
    assert model.fit(x, y, batch_size=len(x), verbose=0).history["loss"] == [pytest.approx(before, rel=1e-5)]


def test_keywords_of_any_name_are_no_such_argument():
    with pytest.warns(UserWarning, match="Spread"):
        model = fitted(Spread())[0]
    assert not model.parts[1].moving_mean.numpy().any()


def test_calls_may_still_say_it():
    with pytest.warns(UserWarning, match=MESSAGE):
        model = fitted(Plain())[0]
    x = data()[0]
    assert not np.array_equal(model(x, training=True), model(x, training=True))
    np.testing.assert_allclose(model(x), model.predict(x, verbose=0), rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_without_dropout_or_normalization_there_is_nothing_to_say():
    losses = fitted(Plain(layers.Dense(5)))[1]
    assert losses[-1] < losses[0]
