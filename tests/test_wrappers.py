"""Models as estimators of scikit-learn: in pipelines, searches and cross validation."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import densor
from densor import layers

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from densor.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
LABELS = np.array(["no", "yes", "maybe"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y = X @ [1.0, -2.0, 0.5, 0.0]
QUIET = {"epochs": 30, "batch_size": 16, "verbose": 0}


def network(X, y, units=16, loss="categorical_crossentropy"):
    start = densor.Input((X.shape[1],))
    hidden = layers.Dense(units, activation="relu")(start)
    ends = "softmax" if loss == "categorical_crossentropy" else None
    model = densor.Model(start, layers.Dense(y.shape[1], activation=ends)(hidden))
    model.compile(densor.optimizers.Adam(0.02), loss)
    return model


def test_a_classifier_of_any_labels():
    densor.utils.set_random_seed(1)
    estimator = SKLearnClassifier(network, model_kwargs={"units": 8}, fit_kwargs=QUIET).fit(X, LABELS)
    assert estimator.classes_.tolist() == ["maybe", "no", "yes"]
    assert estimator.score(X, LABELS) > 0.9
    probabilities = estimator.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(estimator.classes_[probabilities.argmax(axis=1)], estimator.predict(X))
    np.testing.assert_array_equal(estimator.decision_function(X), probabilities)
    assert estimator.model_.layers[1].units == 8
    assert len(estimator.history_.history["loss"]) == 30


def test_a_regressor_keeps_the_axes_of_its_targets():
    densor.utils.set_random_seed(1)
    estimator = SKLearnRegressor(network, model_kwargs={"loss": "mse"}, fit_kwargs=QUIET)
    assert estimator.fit(X, Y).score(X, Y) > 0.9
    assert estimator.predict(X).shape == (120,)
    assert estimator.fit(X, np.stack([Y, -Y], axis=1)).predict(X).shape == (120, 2)
    assert estimator.fit(X, Y[:, None]).predict(X).shape == (120, 1)


def test_a_model_is_cloned_and_a_warm_start_goes_on():
    model = network(X, np.zeros((1, 1)), loss="mse")
    before = model.get_weights()
    estimator = SKLearnRegressor(model, warm_start=True)
    first = estimator.fit(X, Y, epochs=1, verbose=0).model_
    assert all(map(np.array_equal, model.get_weights(), before))
    assert estimator.fit(X, Y, epochs=1, verbose=0).model_ is first
    assert first.optimizer.iterations == 8
    cold = SKLearnRegressor(model)
    assert cold.fit(X, Y, verbose=0).model_ is not cold.fit(X, Y, verbose=0).model_


def test_pipelines_searches_and_cross_validation():
    estimator = SKLearnClassifier(network, fit_kwargs=QUIET)
    assert cross_val_score(make_pipeline(StandardScaler(), estimator), X, LABELS, cv=3).mean() > 0.7
    search = GridSearchCV(
        estimator, {"model_kwargs": [{"units": 2}, {"units": 16}]}, cv=2, scoring="neg_log_loss"
    )
    assert search.fit(X, LABELS).best_params_["model_kwargs"]["units"] in (2, 16)


def test_features_for_what_follows():
    model = densor.Sequential([densor.Input((4,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    found = SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit_transform(X, Y)
    assert found.shape == (120, 1)


def test_copies():
    estimator = SKLearnClassifier(network(X, np.zeros((1, 3))), fit_kwargs={"verbose": 0, "epochs": 2})
    fresh = clone(estimator)
    assert fresh.fit_kwargs == estimator.fit_kwargs
    assert fresh.model is not estimator.model
    estimator.fit(X, LABELS)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: SKLearnClassifier(3).fit(X, LABELS),
            TypeError,
            "'model': must be a model or make one, got 3",
        ),
        (lambda: SKLearnClassifier(lambda X, y: 3).fit(X, LABELS), TypeError, "must be a model or make one"),
        (
            lambda: SKLearnRegressor(densor.Sequential([layers.Dense(1)])).fit(X, Y),
            ValueError,
            "is not compiled",
        ),
        (lambda: SKLearnClassifier(network).fit(X, Y), ValueError, "targets of kind 'continuous'"),
        (lambda: SKLearnClassifier(network).fit(X, np.zeros(120)), ValueError, "at least two classes"),
        (lambda: SKLearnClassifier(network).predict(X), Exception, "not fitted"),
        (lambda: SKLearnRegressor(network).fit(X, Y[:5]), ValueError, "inconsistent numbers"),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_scikit_learn():
    program = "import sys; sys.modules['sklearn.base'] = None; import densor; densor.wrappers"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (
        done.stderr.splitlines()[-1]
        == "ImportError: densor.wrappers needs scikit-learn: pip install scikit-learn"
    )
