"""The base class: names, building, recorded calls, modes, weights of layers inside layers."""

import numpy as np
import pytest

from densor import layers, ops
from densor.graph import Tensor, trace
from densor.layers import Dense, Dropout, Input, Layer, reset_names
from densor.models import Model, Sequential


class Block(Layer):
    """Two dense layers in a list, and a scale of its own."""

    def __init__(self, units, **keywords):
        super().__init__(**keywords)
        self.inner = [Dense(units, name="first"), Dense(units, name="second")]

    def build(self, input_shape):
        self.gamma = self.add_weight((input_shape[-1],), "ones", name="gamma")
        self.count = self.add_weight((1,), "zeros", trainable=False, name="count")

    def call(self, inputs):
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs


class ModeSpy(Layer):
    """Remembers the modes it was called in."""

    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.seen = []

    def call(self, inputs, training="unset"):
        self.seen.append(training)
        return ops.identity(inputs)


def symbol(*shape):
    return Tensor((None, *shape))


def traced_nodes(layer, training, features=3):
    return [node.stem for node in trace(layer, [symbol(features)], training=training).nodes]


def test_names_count_per_class_until_they_are_reset():
    reset_names()
    assert [Dense(1).name, Dense(1).name, layers.ReLU().name] == ["dense", "dense_1", "re_lu"]
    assert layers.BatchNormalization().name == "batch_normalization"
    assert Dense(1, name="mine").name == "mine"
    assert Dense(1).name == "dense_2"
    reset_names()
    assert Dense(1).name == "dense"


def test_a_layer_is_built_once_by_its_first_call():
    layer = Dense(2)
    layer(symbol(3))
    kernel = layer.kernel
    layer(symbol(3))
    assert layer.kernel is kernel
    assert layer.build_shape == (None, 3)


def test_a_layer_that_was_built_by_hand_keeps_its_weights():
    layer = Dense(2)
    layer.build((8, np.prod((1, 3))))
    assert layer.built
    assert layer.build_shape == (None, 3)
    layer.set_weights([np.ones((3, 2)), np.zeros(2)])
    assert layer(np.ones((1, 3))).tolist() == [[3.0, 3.0]]
    assert len(layer.weights) == 2
    plain = layers.Activation("relu")
    plain.build((None, 3))
    assert plain.built


@pytest.mark.parametrize("base", [Layer, Model])
def test_a_build_that_builds_the_layers_inside(base):
    """As Keras 3 wants it of layers with layers inside; the build of the base may be called, too."""

    class Block(base):
        def __init__(self):
            super().__init__()
            self.inner, self.builds = Dense(2), 0

        def build(self, input_shape):
            self.builds += 1
            self.inner.build(input_shape)
            self.scale = self.add_weight((2,), "ones")
            if base is Layer:
                super().build(input_shape)

        def call(self, inputs):
            return self.inner(inputs) * self.scale

    block = Block()
    block.build((None, 3))
    kernel = block.inner.kernel
    outputs = np.asarray(block(np.ones((4, 3))))
    assert [block.builds, len(block.weights)] == [1, 3]
    assert block.inner.kernel is kernel
    np.testing.assert_allclose(outputs, np.ones((4, 3), np.float32) @ kernel.numpy(), rtol=1e-6)


def test_weights_are_not_made_twice():
    layer = Dense(2, name="once")
    layer.build((None, 3))
    kernel = layer.kernel
    with pytest.raises(
        ValueError, match=r"^build\(\): layer 'once' is built already, for shape \(None, 3\)$"
    ):
        layer.build((None, 4))
    assert layer.kernel is kernel
    assert len(layer.weights) == 2


@pytest.mark.parametrize("make", [lambda: Dense(2), lambda: Sequential([Dense(2)])])
def test_a_shape_must_be_one(make):
    layer = make()
    with pytest.raises(
        TypeError, match=r"^build\(\): argument 'input_shape': must be a shape such as \(None, 4\), got 4$"
    ):
        layer.build(4)
    assert not layer.built
    layer.build((None, 3))
    assert len(layer.weights) == 2


def test_a_built_layer_refuses_other_features():
    layer = Dense(2)
    layer(symbol(3))
    with pytest.raises(
        ValueError, match=r"^Dense\(\): argument 'inputs': layer 'dense.*' was built for 3 fea"
    ):
        layer(symbol(4))


def test_a_failed_build_leaves_no_weights():
    class Broken(Layer):
        def build(self, input_shape):
            self.add_weight((2,), name="half")
            raise RuntimeError("no")

    layer = Broken()
    with pytest.raises(RuntimeError):
        layer(symbol(3))
    assert layer.weights == []
    assert not layer.built


def test_weights_of_inner_layers_come_after_the_own_trainable_first():
    block = Block(3)
    block(symbol(3))
    names = ["gamma", "count", "kernel", "bias", "kernel", "bias"]
    assert [v.name for v in block.weights] == names
    assert [v.path for v in block.weights][2] == "first/kernel"
    assert [v.name for v in block.non_trainable_weights] == ["count"]
    assert block.count_params() == 3 + 1 + 2 * 12


def test_freezing_a_layer_freezes_the_layers_inside():
    block = Block(3)
    block(symbol(3))
    block.trainable = False
    assert block.trainable_weights == []
    assert not block.inner[0].trainable
    block.inner[1].trainable = True
    assert block.inner[1].trainable_variables
    assert block.trainable_variables == [], "of a frozen layer nothing learns, as in Keras"
    assert block.non_trainable_variables == block.weights
    block.trainable = True
    assert len(block.trainable_weights) == 5
    assert not block.count.trainable, "a statistic never becomes trainable"


def test_a_layer_shared_by_two_attributes_counts_once():
    block = Block(3)
    block.again = block.inner[0]
    block(symbol(3))
    assert len(block.weights) == 6


def test_weights_made_while_frozen_thaw():
    layer = Dense(2, trainable=False)
    layer(symbol(3))
    assert layer.trainable_weights == []
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_a_call_on_symbols_is_recorded_on_its_outputs():
    x = Input((3,))
    layer = Dropout(0.5)
    y = layer(x, training=True)
    assert (y.call.layer, y.call.inputs, y.call.outputs) == (layer, x, y)
    assert y.call.arguments == {"training": True}
    assert (layer.input, layer.output) == (x, y)
    assert x.call.layer.batch_shape == (None, 3)


def test_a_layer_that_returns_its_input_gets_a_tensor_of_its_own():
    x = Input((3,))
    y = Dropout(0.5)(x)
    assert y is not x
    assert x.call.layer is not y.call.layer


def test_only_the_outermost_call_is_recorded():
    block = Block(3)
    x = Input((3,))
    y = block(x)
    assert y.call.layer is block
    with pytest.raises(AttributeError, match="'first' has never been called"):
        _ = block.inner[0].output


def test_calls_inside_a_trace_are_not_recorded():
    layer = Dense(2)
    graph = trace(layer, [symbol(3)], training=False)
    assert graph.outputs[0].call is None
    with pytest.raises(AttributeError):
        _ = layer.input


def test_the_mode_comes_from_the_call_the_surroundings_or_nowhere():
    spy = ModeSpy()
    spy(symbol(3))
    spy(symbol(3), training=True)
    trace(spy, [symbol(3)], training=True)
    trace(spy, [symbol(3)], training=False)
    trace(lambda x: spy(x, training=False), [symbol(3)], training=True)
    assert spy.seen == ["unset", True, True, False, False]


def test_an_explicit_mode_reaches_the_layers_inside():
    class Outer(Layer):
        def __init__(self):
            super().__init__()
            self.spy = ModeSpy()

        def call(self, inputs):
            return self.spy(inputs)

    outer = Outer()
    trace(lambda x: outer(x, training=True), [symbol(3)], training=False)
    assert outer.spy.seen == [True]


def test_training_is_passed_only_if_call_takes_it():
    class Plain(Layer):
        def call(self, inputs):
            return ops.relu(inputs)

    assert traced_nodes(Plain(), True) == ["activation"]


def test_a_subclass_of_a_fused_layer_may_override_call():
    class MCDropout(Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    assert traced_nodes(MCDropout(0.5), training=False) == ["dropout"]
    assert traced_nodes(Dropout(0.5), training=False) == []
    again = layers.deserialize(layers.serialize(MCDropout(0.25)), {"MCDropout": MCDropout})
    assert isinstance(again, MCDropout)
    assert again.rate == 0.25


def test_deserialize_names_unknown_classes():
    with pytest.raises(ValueError, match=r"'Dens' is not a known layer: .*did you mean 'Dense'"):
        layers.deserialize({"class_name": "Dens", "config": {}})


def test_attributes_may_be_set_before_the_base_constructor():
    class Early(Layer):
        def __init__(self):
            self.dense = Dense(2)
            super().__init__()

        def call(self, inputs):
            return self.dense(inputs)

    layer = Early()
    assert layer(symbol(3)).shape == (None, 2)
    assert len(layer.weights) == 2


def test_a_layer_that_builds_layers_does_not_disturb_the_trace():
    class Lazy(Layer):
        def build(self, input_shape):
            x = Input((3,))
            self.first = Dense(2)
            self.middle = self.first(x)

        def call(self, inputs):
            return self.first(inputs)

    layer = Lazy()
    assert traced_nodes(layer, False) == ["dense"]
    assert layer.middle.call.layer is layer.first


@pytest.mark.parametrize(
    ("inputs", "error", "text"),
    [
        ("x", TypeError, "str"),
        (None, TypeError, "NoneType"),
        (3.0, ValueError, "number 3.0"),
        (np.ones((2, 3), complex), TypeError, "complex"),
        (np.array([["a"]]), TypeError, "<U1"),
        (np.ma.masked_array(np.ones((2, 3))), TypeError, "masked"),
        ([[1.0, 2.0], [3.0]], ValueError, "row 1 has length 1, row 0 has 2"),
        (np.array([[1e300]]), ValueError, "1e\\+300"),
        ([Tensor((None, 3)), np.ones((2, 3))], TypeError, "ndarray as well"),
    ],
)
def test_wrong_inputs_name_the_layer(inputs, error, text):
    with pytest.raises(error, match=r"^Dense\(\): argument 'inputs': .*" + text):
        Dense(2)(inputs)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: Dense(2, name=3), "name"),
        (lambda: Dense(2, name="a/b"), "name"),
        (lambda: Dense(2, trainable=1), "trainable"),
        (lambda: Dense(2, dtype="float64"), "dtype"),
        (lambda: Dense(2, input_shape=(0,)), "input_shape"),
        (lambda: Dense(2, input_shape=3), "input_shape"),
        (lambda: Dense(2, kernel_regularizer="l3"), "kernel_regularizer"),
        (lambda: Dense(2, activity_regularizer="l3"), "activity_regularizer"),
        (lambda: Dense(2, activation=Dense), "activation"),
        (lambda: Dense(2)(Tensor((None, 3)), training="yes"), "training"),
        (lambda: Input(), "shape"),
        (lambda: Input((3,), batch_shape=(None, 3)), "shape"),
        (lambda: Input((3,), batch_size=32), "batch_size"),
        (lambda: Input((None,)), "shape"),
        (lambda: Input((3,), dtype="complex64"), "dtype"),
        (lambda: layers.BatchNormalization(axis=[1, 1]), "axis"),
        (lambda: layers.BatchNormalization(axis=3)(Tensor((None, 2, 3))), "axis"),
        (lambda: layers.BatchNormalization(renorm=True), "renorm"),
        (lambda: layers.Add()(Tensor((None, 3))), "inputs"),
        (lambda: layers.Rescaling([1.0, 2.0])(Tensor((None, 3))), "scale"),
        (lambda: layers.Rescaling(1.0, [[1.0], [2.0]])(Tensor((None, 3))), "offset"),
        (lambda: layers.Rescaling([1.0, np.inf]), "scale"),
        (lambda: layers.Rescaling(["x"]), "scale"),
        (lambda: layers.Rescaling(True), "scale"),
        (lambda: layers.Subtract()([Tensor((None, 3))]), "inputs"),
        (lambda: layers.Dot(1)([Tensor((None, 3))]), "inputs"),
        (lambda: layers.Softmax(axis=0)(Tensor((None, 3))), "axis"),
        (lambda: layers.ReLU(max_value=-6), "max_value"),
        (lambda: layers.Flatten(data_format="channels_first"), "data_format"),
    ],
)
def test_wrong_arguments_are_named(make, argument):
    with pytest.raises((TypeError, ValueError), match=rf"^\w+\(\): argument '{argument}'"):
        make()


def test_an_unknown_argument_suggests_the_nearest():
    with pytest.raises(
        TypeError, match=r"^Dense\(\): argument 'unit': unexpected keyword.*did you mean 'units'"
    ):
        Dense(3, unit=4)


def test_declared_shapes():
    assert Dense(2, input_shape=[28, 28]).declared_shape == (None, 28, 28)
    assert Dense(2, input_dim=5).declared_shape == (None, 5)
    assert Dense(2).declared_shape is None


def test_merging_different_shapes():
    with pytest.raises(ValueError, match=r"shapes \(None, 3\) and \(None, 4\) cannot be broadcast"):
        layers.Add()([Tensor((None, 3)), Tensor((None, 4))])
    with pytest.raises(ValueError, match="does not fit"):
        layers.Concatenate()([Tensor((None, 2, 3)), Tensor((None, 1, 3))])
    with pytest.raises(ValueError, match="'axis'"):
        layers.Concatenate(axis=0)([Tensor((None, 3)), Tensor((None, 3))])


@pytest.mark.parametrize("other", [symbol(2), np.ones((4, 2), np.float32)])
def test_two_inputs_side_by_side_are_told_to_go_into_a_list(other):
    with pytest.raises(
        TypeError, match=r"argument 'training': .*shape \(.*, 2\); several inputs go into a list"
    ):
        layers.Add()(other, other)
