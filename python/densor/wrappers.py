"""Keras' namespace `wrappers`: models as estimators of scikit-learn, which must be installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from densor import _check
from densor.models import Model, clone_model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils import validation
    from sklearn.utils.multiclass import type_of_target
except ImportError:
    raise ImportError("densor.wrappers needs scikit-learn: pip install scikit-learn") from None

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

Self = TypeVar("Self", bound="_Wrapper")


class _Wrapper(BaseEstimator):  # type: ignore[misc]
    """What the wrappers share.

    Args:
        model: a compiled model, of which every `fit` trains a clone with fresh weights; or a function that returns
            one, called as `model(X=X, y=y, **model_kwargs)`.
        warm_start: whether `fit` goes on with the model that the last one has trained.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` itself go before them.

    Attributes, after `fit`:
        model_: the trained model. history_: what its `fit` has returned.

    Source: Keras 3 `wrappers`.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        # Nothing is checked or changed here: scikit-learn copies estimators by what they were given.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self: Self, X: Any, y: Any, **fit_kwargs: Any) -> Self:
        """Train a model on these rows; further arguments are those of `Model.fit`.

        Raises:
            TypeError, ValueError: bad data or options, or no compiled model.
        """
        X, y = _validated(self, X, y=y, multi_output=True)
        targets = self._targets(y)
        model = self._model_for(X, targets)
        if not model.compiled:
            raise _check.bad_value(type(self).__name__, "model", f"{model.name!r} is not compiled")
        self.history_ = model.fit(X, targets, **{**(self.fit_kwargs or {}), **fit_kwargs})
        self.model_ = model
        return self

    def _model_for(self, X: Any, targets: Any) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            model: Any = self.model_
        elif isinstance(self.model, Model):
            model = clone_model(self.model)
        elif callable(self.model):
            model = self.model(X=X, y=targets, **(self.model_kwargs or {}))
        else:
            model = self.model
        if not isinstance(model, Model):
            shown = _check.show(model)
            raise _check.bad_type(type(self).__name__, "model", f"must be a model or make one, got {shown}")
        return model

    def _targets(self, y: Any) -> Any:
        """What the model learns."""
        self._flat = y.ndim == 1
        return y.reshape(-1, 1) if self._flat else y

    def _outputs(self, X: Any) -> Any:
        validation.check_is_fitted(self, "model_")
        return self.model_.predict(_validated(self, X, reset=False), verbose=0)


class SKLearnRegressor(RegressorMixin, _Wrapper):  # type: ignore[misc]
    """A model that predicts numbers, as a regressor of scikit-learn; arguments as for `SKLearnClassifier`.

    >>> import densor, numpy as np
    >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)])
    >>> model.compile(densor.optimizers.SGD(0.3), "mse")
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> estimator = SKLearnRegressor(model, fit_kwargs={"epochs": 50, "verbose": 0})
    >>> estimator.fit(x, 3 * x[:, 0]).score(x, 3 * x[:, 0]) > 0.99
    True
    """

    def predict(self, X: Any) -> Any:
        """The predictions (rows,), or (rows, outputs) where the targets had two axes."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat and outputs.shape[1:] == (1,) else outputs


class SKLearnClassifier(ClassifierMixin, _Wrapper):  # type: ignore[misc]
    """A model that ends with a softmax, as a classifier of scikit-learn; it learns one-hot rows of any labels.

    Args:
        model: a compiled model, of which every `fit` trains a clone with fresh weights; or a function that returns
            one, called as `model(X=X, y=y, **model_kwargs)` with one-hot `y`.
        warm_start: whether `fit` goes on with the model that the last one has trained.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` itself go before them.

    Attributes, after `fit`:
        model_: the trained model. history_: what its `fit` has returned. classes_: the labels, in order.

    Source: Keras 3 `wrappers.SKLearnClassifier`.

    >>> import densor, numpy as np
    >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(2, activation="softmax")])
    >>> model.compile(densor.optimizers.SGD(0.5), "categorical_crossentropy")
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> labels = np.where(x[:, 0] < 0, "left", "right")
    >>> estimator = SKLearnClassifier(model, fit_kwargs={"epochs": 30, "verbose": 0}).fit(x, labels)
    >>> estimator.predict([[-0.9], [0.9]]).tolist()
    ['left', 'right']
    """

    def _targets(self, y: Any) -> Any:
        kind = type_of_target(y)
        if kind not in ("binary", "multiclass"):
            raise _check.bad_value(
                "fit", "y", f"expected one class for each row, got targets of kind {kind!r}"
            )
        self.classes_, numbers = np.unique(y.reshape(-1), return_inverse=True)
        if len(self.classes_) < 2:
            raise _check.bad_value(
                "fit", "y", f"there must be at least two classes, got {self.classes_.tolist()}"
            )
        return np.eye(len(self.classes_), dtype=np.float32)[numbers]

    def predict_proba(self, X: Any) -> Any:
        """The probabilities (rows, classes), the classes as in `classes_`."""
        return self._outputs(X)

    def decision_function(self, X: Any) -> Any:
        """The outputs of the model, as Keras has it."""
        return self._outputs(X)

    def predict(self, X: Any) -> Any:
        """The most probable label of each row."""
        places = self._outputs(X).argmax(axis=1)
        return self.classes_[places]


class SKLearnTransformer(TransformerMixin, _Wrapper):  # type: ignore[misc]
    """A model whose outputs are features for what follows in a pipeline; arguments as for `SKLearnClassifier`."""

    def transform(self, X: Any) -> Any:
        """The outputs of the model."""
        return self._outputs(X)


def _validated(estimator: Any, *data: Any, **options: Any) -> Any:
    """Checked arrays: by a function of scikit-learn 1.6, or what was a method before."""
    if hasattr(validation, "validate_data"):
        return validation.validate_data(estimator, *data, **options)
    return estimator._validate_data(*data, **options)
