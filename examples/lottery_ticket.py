"""The lottery ticket hypothesis: a small part of a network, reset to its first weights, trains as well as the whole.

Train, cut off the weights that ended nearest to 0, set the others back to where they began, and train again. The
subnetwork that is found this way is compared with one of the same size whose weights were cut at random: what wins is
not the small number of weights but which ones they are.

    python examples/lottery_ticket.py

Source: Frankle and Carbin (2019).
"""

import numpy as np

import densor as keras
from densor import pruning
from densor.keras import layers

ROUNDS, AMOUNT = 8, 0.4


def network():
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(100, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(50, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cut_at_random(model, masks, rng):
    """Masks that keep as many weights of each kernel as `masks`, but any."""
    kernels = [v for v in model.trainable_weights if v.name == "kernel"]
    for kernel, mask in zip(kernels, masks, strict=True):
        kernel.mask = rng.permutation(mask.reshape(-1)).reshape(mask.shape)


def main(epochs=10):
    """Returns the test accuracies: of the whole network, of the ticket, and of the random subnetwork."""
    keras.utils.set_random_seed(42)
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16

    def train(model):
        model.fit(x_train, y_train, epochs=epochs, verbose=0)
        return model.evaluate(x_test, y_test, verbose=0)[1]

    model = network()
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = model.get_weights()
    rounds = pruning.lottery_ticket(model, train, rounds=ROUNDS, amount=AMOUNT)
    for each in rounds:
        print(f"{each.sparsity:6.1%} of the weights pruned: test accuracy {each.result:.3f}")

    masks = rounds[-1].masks
    pruning.strip(model)
    cut_at_random(model, masks, np.random.default_rng(0))
    pruning.rewind(model, start)
    chance = train(model)
    print(f"{rounds[-1].sparsity:6.1%} pruned at random:      test accuracy {chance:.3f}")
    return rounds[0].result, rounds[-1].result, chance


if __name__ == "__main__":
    main()
