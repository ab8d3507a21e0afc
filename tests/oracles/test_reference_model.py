"""The tests' own float64 interpreter against Keras, so that what judges the library is judged itself."""

import numpy as np
import pytest

from tests import architectures
from tests.reference import model as reference


@pytest.mark.parametrize("seed", range(0, 56, 4))
def test_predictions(keras, seed):
    architecture = architectures.draw(seed)
    theirs = architectures.build(architecture, keras)
    x = np.random.default_rng(seed).standard_normal((11, architecture.features)).astype(np.float32)
    weights = architectures.weights_of(theirs)
    ours = reference.predict(architecture.nodes, weights, x)
    np.testing.assert_allclose(np.asarray(theirs.predict_on_batch(x)), ours, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("seed", range(len(architectures.LOSSES)))
def test_losses(keras, seed):
    architecture = architectures.draw(seed)
    theirs = architectures.build(architecture, keras)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((11, architecture.features)).astype(np.float32)
    y, weight = architectures.targets(architecture, 11, rng), rng.random(11).astype(np.float32)
    theirs.compile("sgd", loss=architectures.loss_of(architecture, keras))
    for sample_weight in (None, weight):
        expected = reference.loss(
            architecture.nodes,
            architecture.loss,
            architectures.weights_of(theirs),
            x,
            y,
            sample_weight,
            training=False,
        )
        actual = theirs.test_on_batch(x, y, sample_weight=sample_weight)
        assert float(np.asarray(actual)) == pytest.approx(expected, rel=2e-5, abs=1e-6)
