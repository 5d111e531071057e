"""Sample sizes and bounds for shares of defects.

Source: C. J. Clopper, E. S. Pearson, *The use of confidence or fiducial limits illustrated in the
case of the binomial*, 1934; a plan with no defect allowed is one of ISO 2859-2.
"""

from __future__ import annotations

import math


def sample_size(max_defects: float, confidence: float) -> int:
    """Return the least number of images that prove a share of defects, if none has one.

    With so many images drawn from a large run, a share above `max_defects` would show at least one
    defect with a probability of `confidence` or more: 299 images for 1 % at 95 %.

    Args:
        max_defects: largest share of defects to accept, above 0 and below 1.
        confidence: of the statement, above 0 and below 1.
    """
    # log1p, because 1 - max_defects loses digits if the share is small.
    return math.ceil(math.log1p(-confidence) / math.log1p(-max_defects))


def upper_bound(defects: int, images: int, confidence: float) -> float:
    """Return the exact one-sided upper bound of the share of defects in a large run.

    The share for which so few defects among the images have a probability of 1 - confidence.

    Args:
        defects: defects found, at most `images`.
        images: images looked at, at least 1.
        confidence: of the bound, above 0 and below 1.
    """
    if defects >= images:
        return 1.0
    low, high = defects / images, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _at_most(defects, images, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(defects: int, images: int, share: float) -> float:
    """Return the probability of at most `defects` among `images`, each with a probability."""
    if share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    logs = (
        math.lgamma(images + 1) - math.lgamma(k + 1) - math.lgamma(images - k + 1)
        + k * math.log(share) + (images - k) * math.log1p(-share)
        for k in range(defects + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, logs))
