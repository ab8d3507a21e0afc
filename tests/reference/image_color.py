"""Changes of the values of images (rows, height, width, channels), each by its row of parameters."""

import colorsys

import numpy as np


def brightness(x, p, other, low, high):
    return np.clip(x + p[0] * (high - low), low, high)


def contrast(x, p, other, low, high):
    mean = x.mean(axis=(0, 1))
    return np.clip((x - mean) * p[0] + mean, low, high)


def gamma(x, p, other, low, high):
    return low + (high - low) * np.clip((x - low) / (high - low), 0, 1) ** p[0]


def invert(x, p, other, low, high):
    return high - x if p[1] < p[0] else x


def blend(x, p, other, low, high):
    return np.clip(x + p[0] * (other.reshape(x.shape) - x), low, high)


def salt(x, p, other, low, high):
    noise = other.reshape(*x.shape[:2], 1)
    return np.where(noise < p[0] / 2, low, np.where(noise >= 1 - p[0] / 2, high, x))


def inside(share, coin, size):
    """Which pixels of a side lie in the box."""
    start = coin * (size - np.sqrt(share) * size)
    return (np.arange(size) >= start) & (np.arange(size) < start + np.sqrt(share) * size)


def erase(x, p, other, low, high):
    if p[1] >= p[0]:
        return x
    box = inside(p[2], p[4], x.shape[0])[:, None, None] & inside(p[3], p[5], x.shape[1])[None, :, None]
    return np.where(box, np.clip(other.reshape(x.shape), low, high), x)


def shares(x, low, high):
    return (x - low) / (high - low)


def hue(x, p, other, low, high):
    """By way of hue, saturation and value, as colorsys has them."""
    return recolored(shares(x, low, high), lambda h, s: ((h + p[0]) % 1.0, s)) * (high - low) + low


def saturation(x, p, other, low, high):
    return recolored(shares(x, low, high), lambda h, s: (h, np.clip(s * p[0], 0, 1))) * (high - low) + low


def recolored(x, change):
    changed = []
    for pixel in np.clip(x, 0, 1).reshape(-1, 3):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        changed.append(colorsys.hsv_to_rgb(*change(h, s), v))
    return np.array(changed).reshape(x.shape)


def gray(x, p, other, low, high):
    luma = (x @ np.array([0.2989, 0.587, 0.114]))[..., None]
    return np.clip(x + p[0] * (luma - x), low, high)


def solarize(x, p, other, low, high):
    v = np.clip(x + p[0] * (high - low), low, high)
    return np.where(v < low + p[1] * (high - low), v, low + high - v)


def posterize(x, p, other, low, high):
    step = 2.0 ** (8 - int(np.clip(p[0], 1, 8)))
    whole = np.floor(np.clip(shares(x, low, high) * 255, 0, 255))
    return np.floor(whole / step) * step / 255 * (high - low) + low


def stretch(x, p, other, low, high):
    least, most = x.min(axis=(0, 1)), x.max(axis=(0, 1))
    spread = np.where(most > least, most - least, 1.0)
    full = np.where(most > least, low + (x - least) / spread * (high - low), x)
    return x + p[0] * (full - x)


def equalize(x, p, other, low, high):
    bins, v = int(p[0]), shares(x, low, high) * 255
    out = np.empty_like(v)
    for c in range(x.shape[-1]):
        at = np.clip(np.floor(v[..., c] * (bins - 1) / 255), 0, bins - 1).astype(int)
        counts = np.bincount(at.reshape(-1), minlength=bins)
        if np.count_nonzero(counts) <= 1:
            out[..., c] = v[..., c]
            continue
        sums = np.cumsum(counts)
        first = sums[np.nonzero(sums)[0][0]]
        table = np.clip(np.round((sums - first) * 255 / max(sums[-1] - first, 1)), 0, 255)
        out[..., c] = table[at]
    return out / 255 * (high - low) + low


def forward(x, kind, parameters, other=None, low=0.0, high=255.0):
    change = globals()[kind]
    beside = [None] * len(x) if other is None else np.asarray(other, np.float64)
    return np.stack(
        [
            change(image, p, second, low, high)
            for image, p, second in zip(
                np.asarray(x, np.float64), np.asarray(parameters, np.float64), beside, strict=True
            )
        ]
    )
