"""What chance alone does: how likely so many of so many are, and when so many come at once."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p


def binomial_tail(least: int, of: int, share: float) -> float:
    """The probability that at least `least` of `of` independent votes are of a kind that has this share, 0..1."""
    if least <= 0:
        return 1.0
    if least > of or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    if least <= share * of:  # the terms above are the many: their first one may be too small to be a number
        return 1.0 - binomial_tail(of - least + 1, of, 1 - share)
    ratio = share / (1 - share)
    whole = lgamma(of + 1) - lgamma(least + 1) - lgamma(of - least + 1)
    term = exp(whole + least * log(share) + (of - least) * log1p(-share))
    total = term
    for count in range(least, of):
        term *= (of - count) / (count + 1) * ratio
        total += term
        if term < total * 1e-17:
            break
    return min(1.0, total)


@lru_cache(maxsize=100_000)
def least_unlikely(of: int, share: float, at_most: float) -> int:
    """The smallest number of `of` votes that has at most this probability, or any above it; `of` + 1: none has.

    So an alarm from it on says: the lower end of C. J. Clopper and E. S. Pearson's interval (Biometrika 26, 1934) lies
    above the share. It is exact where Wilson's is not: with 20 votes, a share of 10 % and a probability of 1 in 20,000
    Wilson's lower end lies above the share eight times as often as it says.
    """
    low, high = 0, of + 1
    while low < high:
        middle = (low + high) // 2
        if binomial_tail(middle, of, share) <= at_most:
            high = middle
        else:
            low = middle + 1
    return low


def poisson_tail(least: int, mean: float) -> float:
    """The probability of at least `least` events where there are `mean` on average."""
    if least <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if least <= mean:
        return 1.0 - sum(exp(count * log(mean) - mean - lgamma(count + 1)) for count in range(least))
    term = exp(least * log(mean) - mean - lgamma(least + 1))
    total, count = term, least
    while term > total * 1e-17:
        count += 1
        term *= mean / count
        total += term
    return min(1.0, total)
