"""What the tests of the lectures share."""

import numpy as np


def trained(model, x, y, epochs=1, optimizer="adam", **options):
    """The loss and accuracy of each epoch; every value is checked to be a number."""
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, verbose=0, **options)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(x[:7]).shape == (7, 10)
    return history
