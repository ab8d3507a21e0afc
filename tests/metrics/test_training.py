"""Metrics in training: which are native, which are streamed; the program's own, in files; wrong ones."""

import json

import numpy as np
import pytest

import densor
from densor import layers, metrics, ops, utils
from densor.metrics import Metric
from tests.oracles.test_metrics import METRICS

X = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
Y = np.random.default_rng(2).integers(0, 2, (20, 3)).astype(np.float32)
WEIGHT = np.random.default_rng(3).uniform(0.5, 2, 20).astype(np.float32)


@pytest.fixture(autouse=True)
def _as_before():
    known = dict(utils.get_custom_objects())
    yield
    utils.get_custom_objects().clear()
    utils.get_custom_objects().update(known)


def model_for(*asked, loss="binary_crossentropy", **options):
    model = densor.Sequential([layers.Input((4,)), layers.Dense(3, activation="sigmoid")])
    model.compile(densor.optimizers.SGD(0.1), loss, metrics=list(asked), **options)
    return model


def heads_of(model):
    model.evaluate(X, Y, verbose=0)
    (loop,) = model._compiled._loops.values()
    return loop.heads[0]


def spread(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred), axis=-1)


def numpy_spread(y_true, y_pred):
    return np.abs(y_true - y_pred).max(axis=-1)


class Gathered(Metric):
    """The largest prediction, and how many batches there were."""

    def __init__(self, name="gathered", scale=1.0, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.scale = scale
        self.largest = self.add_weight(name="largest")
        self.batches = self.add_variable((2,), name="batches")

    def update_state(self, y_true, y_pred, sample_weight=None):
        assert y_true.shape == y_pred.shape
        self.largest.assign(np.maximum(self.largest, self.scale * ops.max(y_pred)))
        self.batches.assign_add(1.0)

    def result(self):
        return self.largest + 10.0 * self.batches[0]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def test_what_is_native_and_what_is_streamed():
    streamed = [metrics.AUC(), metrics.F1Score(), Gathered(), metrics.MeanMetricWrapper(numpy_spread)]
    formulas = [metrics.KLDivergence(), metrics.Hinge(), metrics.RootMeanSquaredError(), metrics.get(spread)]
    native = [metrics.BinaryAccuracy(), metrics.MeanSquaredError()]
    head = heads_of(model_for(*streamed, *formulas, *native))
    assert list(head.streamed) == streamed
    assert set(head.formulas.values) == set(formulas)


@pytest.mark.parametrize("weights", [None, WEIGHT], ids=["plain", "weighted"])
def test_the_ways_agree(weights):
    """A function is native or called by batches: the same figure, and that of the metric on arrays."""
    model = model_for(weighted_metrics=[spread, numpy_spread, metrics.Recall(thresholds=0.4)])
    history = model.fit(X, Y, batch_size=6, epochs=2, sample_weight=weights, verbose=0).history
    np.testing.assert_allclose(history["spread"], history["numpy_spread"], rtol=1e-5)
    found = model.evaluate(X, Y, sample_weight=weights, batch_size=6, verbose=0, return_dict=True)
    predicted = model.predict(X, verbose=0)
    for metric in (metrics.MeanMetricWrapper(spread), metrics.Recall(thresholds=0.4, name="recall")):
        metric.update_state(Y, predicted, sample_weight=weights)
        name = next(key for key in found if key.startswith(metric.name))
        assert found[name] == pytest.approx(float(metric.result()), rel=1e-5)


def test_one_number_for_the_batch():
    """A batch counts once, as in Keras, whether the function is written in densor.ops or in NumPy."""

    def total(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred))

    def numpy_total(y_true, y_pred):
        return np.abs(y_true - y_pred).mean()

    model = model_for(total, numpy_total)
    seen = [np.abs(Y[at : at + 6] - model.predict(X, verbose=0)[at : at + 6]).mean() for at in (0, 6, 12, 18)]
    found = model.evaluate(X, Y, batch_size=6, verbose=0, return_dict=True)
    assert found["total"] == pytest.approx(np.mean(seen), rel=1e-6)
    history = model.fit(X, Y, batch_size=6, epochs=2, verbose=0).history
    assert history["total"] == pytest.approx(history["numpy_total"], rel=1e-6)


def test_streamed_metrics_see_the_batches_in_their_order():
    class Order(Metric):
        def __init__(self):
            super().__init__("order")
            self.seen = []

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.append(y_true[:, 0].tolist())

        def result(self):
            return float(len(self.seen))

        def reset_state(self):
            self.seen = []

    metric = Order()
    model = densor.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile(densor.optimizers.SGD(0.0001), "mse", metrics=[metric])
    x = np.arange(10, dtype=np.float32)[:, None]
    model.fit(x, x, batch_size=4, shuffle=False, verbose=0)
    assert metric.seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    history = model.fit(x, x, batch_size=4, verbose=0).history
    assert [len(batch) for batch in metric.seen] == [4, 4, 2]
    assert sorted(row for batch in metric.seen for row in batch) == list(range(10))
    assert history["order"] == [3.0]
    assert model.evaluate(x, x, batch_size=3, verbose=0)[1] == 4.0


def test_predictions_are_those_before_each_step():
    """As in Keras: of the weights that the batch was trained with."""
    metric = metrics.MeanMetricWrapper(numpy_spread)
    model = model_for(metric, spread)
    history = model.fit(X, Y, batch_size=5, epochs=3, verbose=0).history
    np.testing.assert_allclose(history["numpy_spread"], history["spread"], rtol=1e-5)


def test_batch_hooks_see_streamed_metrics():
    logs = []
    watch = densor.callbacks.LambdaCallback(on_train_batch_end=lambda batch, seen: logs.append(seen["auc"]))
    model = model_for(metrics.AUC(name="auc"))
    history = model.fit(X, Y, batch_size=5, callbacks=[watch], verbose=0).history
    assert len(logs) == 4
    assert logs[-1] == history["auc"][0]


def test_results_of_several_numbers():
    model = model_for(metrics.Precision([0.2, 0.5, 0.8], name="p"), metrics.F1Score(name="f"))
    history = model.fit(X, Y, epochs=2, verbose=1).history
    assert [value.shape for value in history["p"] + history["f"]] == [(3,)] * 4


@pytest.mark.parametrize("asked", [spread, numpy_spread, Gathered(scale=2.0)])
def test_metrics_of_the_program_in_files(asked, tmp_path):
    model = model_for(asked)
    expected = model.evaluate(X, Y, verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="is not a known"):
        densor.models.load_model(tmp_path / "model")
    own = {"spread": spread, "numpy_spread": numpy_spread, "Gathered": Gathered}
    loaded = densor.models.load_model(tmp_path / "model", custom_objects=own)
    assert loaded.evaluate(X, Y, verbose=0) == expected
    for item in own.values():
        utils.register_keras_serializable()(item)
    assert densor.models.load_model(tmp_path / "model").evaluate(X, Y, verbose=0) == expected


@pytest.mark.parametrize("case", METRICS, ids=lambda case: case[0])
def test_configurations(case):
    metric = getattr(metrics, case[0])(**case[1], name="given")
    config = json.loads(json.dumps(metrics.serialize(metric), allow_nan=False))
    twin = metrics.deserialize(config)
    assert type(twin) is type(metric)
    assert twin.get_config() == metric.get_config()
    for each in (metric, twin):
        each.update_state(*case[2:])
    np.testing.assert_array_equal(metric.result(), twin.result())
    metric.reset_state()
    metric.update_state(*case[2:])
    np.testing.assert_array_equal(metric.result(), twin.result())


def test_names():
    assert type(metrics.get("auc")) is type(metrics.get("AUC")) is metrics.AUC
    assert type(metrics.get("root_mean_squared_error")) is metrics.RootMeanSquaredError
    assert metrics.get("mse").name == "mse"
    utils.register_keras_serializable("mine")(spread)
    assert metrics.get("spread").fn is spread
    with pytest.raises(ValueError, match=r"did you mean 'precision'"):
        metrics.get("precison")


def test_metrics_tell_their_dtype():
    assert metrics.Mean().dtype == metrics.AUC(name="area").dtype == "float32"


def test_variables_of_metrics():
    metric = Gathered()
    assert [v.name for v in metric.variables] == ["largest", "batches"]
    metric.update_state(Y, Y + 1.0)
    assert float(metric.result()) == 12.0
    metric.batches.assign_sub([1.0, 0.5])
    assert metric.batches.numpy().tolist() == [0.0, 0.5]
    assert (metric.batches * 2 + metric.largest).tolist() == [2.0, 3.0]
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.AUC(curve="roc"), "curve"),
        (lambda: metrics.AUC(summation_method="sum"), "summation_method"),
        (lambda: metrics.AUC(num_labels=3), "num_labels"),
        (lambda: metrics.AUC(thresholds=[0.5, 1.5]), "thresholds"),
        (lambda: metrics.Precision(thresholds=-0.1), "thresholds"),
        (lambda: metrics.Precision(thresholds=[]), "thresholds"),
        (lambda: metrics.Precision(top_k=0), "top_k"),
        (lambda: metrics.Recall(class_id=-1), "class_id"),
        (lambda: metrics.Recall(class_id=7)(Y, Y), "class_id"),
        (lambda: metrics.Recall()(Y, Y[:, :2]), "y_true"),
        (lambda: metrics.Recall()(Y, Y, sample_weight=[1.0, 2.0]), "sample_weight"),
        (lambda: metrics.SensitivityAtSpecificity(1.5), "specificity"),
        (lambda: metrics.PrecisionAtRecall("a"), "recall"),
        (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "num_thresholds"),
        (lambda: metrics.F1Score(average="all"), "average"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta"),
        (lambda: metrics.FBetaScore(threshold=1.5), "threshold"),
        (lambda: metrics.F1Score()([1, 0], [1, 0]), "y_true"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids"),
        (lambda: metrics.MeanIoU(0), "num_classes"),
        (lambda: metrics.BinaryIoU(threshold=2.0), "threshold"),
        (lambda: metrics.R2Score("mean"), "class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: metrics.R2Score()([[[1.0]]], [[[1.0]]]), "y_pred"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), "k"),
        (lambda: metrics.CosineSimilarity(axis=0), "axis"),
        (lambda: metrics.BinaryCrossentropy(label_smoothing=2.0), "label_smoothing"),
        (lambda: metrics.MeanMetricWrapper(3), "fn"),
        (lambda: metrics.AUC(name=""), "name"),
    ],
)
def test_wrong_arguments(make, argument):
    with pytest.raises((TypeError, ValueError), match=rf"^[\w.]+\(\): argument '{argument}'"):
        make()


def test_a_function_that_fails_is_called_by_its_own_error():
    def broken(y_true, y_pred):
        raise RuntimeError("no figure today")

    model = model_for(broken)
    with pytest.raises(RuntimeError, match="no figure today"):
        model.fit(X, Y, verbose=0)


def test_predictions_that_are_no_numbers():
    metric = metrics.AUC()
    metric.update_state([0, 1, 1], [np.nan, 0.2, 0.9])
    assert metric.result() == 1.0


def test_accuracy_of_outputs_of_three_axes():
    """One-hot rows at every place are no labels, and labels at every place are."""
    rng = np.random.default_rng(4)
    x, labels = rng.normal(size=(12, 3, 5)).astype(np.float32), rng.integers(0, 4, (12, 3))
    for loss, y in (
        ("categorical_crossentropy", np.eye(4)[labels]),
        ("sparse_categorical_crossentropy", labels),
    ):
        model = densor.Sequential([densor.Input((3, 5)), densor.layers.Dense(4, activation="softmax")])
        model.compile("sgd", loss, metrics=["accuracy"])
        hits = model.predict(x, verbose=0).argmax(-1) == labels
        assert model.evaluate(x, y, verbose=0)[1] == pytest.approx(hits.mean())
