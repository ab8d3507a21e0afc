"""Images read along a map, as the definition reads: every pixel for itself.

Projections are (a0, a1, a2, b0, b1, b2, c0, c1): pixel (x, y) comes from ((a0 x + a1 y + a2) / d,
(b0 x + b1 y + b2) / d) with d = c0 x + c1 y + 1.
"""

import numpy as np


def about_middle(matrix, height, width):
    """The projection of a 2 x 2 matrix that leaves the middle of the image where it is."""
    matrix = np.asarray(matrix, np.float64)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = middle - matrix @ middle
    return [*matrix[0], shift[0], *matrix[1], shift[1], 0, 0]


def flip(p, height, width, target):
    coin, across, down = p
    flips = coin <= 0.5
    return about_middle(np.diag([-1 if flips and across else 1, -1 if flips and down else 1]), height, width)


def rotation(p, height, width, target):
    angle = 2 * np.pi * p[0]
    return about_middle([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], height, width)


def translation(p, height, width, target):
    return [1, 0, -p[1] * width, 0, 1, -p[0] * height, 0, 0]


def shear(p, height, width, target):
    sign = -1 if p[0] > 0.5 else 1
    return [1, sign * p[1], 0, sign * p[2], 1, 0, 0, 0]


def zoom(p, height, width, target):
    return about_middle(np.diag([1 + p[1], 1 + p[0]]), height, width)


def crop(p, height, width, target):
    top, left = (
        np.floor(coin * (size - wanted + 1))
        for coin, size, wanted in zip(p, (height, width), target, strict=True)
    )
    return [1, 0, left, 0, 1, top, 0, 0]


def fit(p, height, width, target):
    wanted_height, wanted_width = target
    rows = max(1, min(height, width * wanted_height // wanted_width))
    cols = max(1, min(width, height * wanted_width // wanted_height))
    down, right = rows / wanted_height, cols / wanted_width
    return [
        right,
        0,
        (width - cols) // 2 + right / 2 - 0.5,
        0,
        down,
        (height - rows) // 2 + down / 2 - 0.5,
        0,
        0,
    ]


def perspective(p, height, width, target):
    if p[1] >= p[0]:
        return [1, 0, 0, 0, 1, 0, 0, 0]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
    ends = corners * (1 + np.reshape(p[2:], (4, 2)))
    rows, values = [], []
    for (x, y), (to_x, to_y) in zip(corners, ends, strict=True):
        rows += [
            [to_x, to_y, 1, 0, 0, 0, -x * to_x, -x * to_y],
            [0, 0, 0, to_x, to_y, 1, -y * to_x, -y * to_y],
        ]
        values += [x, y]
    return np.linalg.solve(rows, values)


def projection(p, height, width, target):
    return p


def elastic(p, height, width, target):
    return [1, 0, 0, 0, 1, 0, 0, 0]


def beyond(i, size, fill_mode):
    """The index that stands for i, None for the constant."""
    if 0 <= i < size:
        return i
    if fill_mode == "constant":
        return None
    if fill_mode == "nearest":
        return min(max(i, 0), size - 1)
    if fill_mode == "wrap":
        return i % size
    mirrored = [
        *range(size),
        *(range(size - 1, -1, -1) if fill_mode == "reflect" else range(size - 2, 0, -1)),
    ]
    return mirrored[i % len(mirrored)]


def sample(image, u, v, fill_mode, fill_value, nearest):
    """All channels at the place (u, v) of an image (height, width, channels)."""
    if nearest:
        u, v = np.round(u), np.round(v)
    j, i = int(np.floor(u)), int(np.floor(v))
    total = np.zeros(image.shape[2])
    for row, down in ((i, 1 - (v - i)), (i + 1, v - i)):
        for col, right in ((j, 1 - (u - j)), (j + 1, u - j)):
            at = beyond(row, image.shape[0], fill_mode), beyond(col, image.shape[1], fill_mode)
            total += down * right * (fill_value if None in at else image[at])
    return total


def forward(x, kind, parameters, target=None, field=None, fill_mode="reflect", fill_value=0.0, nearest=False):
    """x (rows, height, width, channels) in float64; parameters (rows, n); field (rows, height, width, 2)."""
    x = np.asarray(x, np.float64)
    rows, height, width, channels = x.shape
    target = (height, width) if target is None else target
    y = np.empty((rows, *target, channels))
    for row in range(rows):
        p = [] if parameters is None else np.asarray(parameters[row], np.float64)
        a0, a1, a2, b0, b1, b2, c0, c1 = globals()[kind](p, height, width, target)
        reach = (
            2 * max(height, width) / min(height, width) * p[2] ** 2
            if kind == "elastic" and p[1] < p[0]
            else 0
        )
        for i in range(target[0]):
            for j in range(target[1]):
                d = c0 * j + c1 * i + 1
                u, v = (a0 * j + a1 * i + a2) / d, (b0 * j + b1 * i + b2) / d
                if field is not None:
                    u, v = np.array([u, v]) + reach * np.asarray(field[row, i, j], np.float64)
                y[row, i, j] = sample(x[row], u, v, fill_mode, fill_value, nearest)
    return y
