"""How often `perfctl.changepoint` sees a step in noise, and finds one that is there.

python -m benchmarks.changepoint            the rates, some 20 s
python -m benchmarks.changepoint tables     the critical strengths of its tables, some minutes
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable

from perfctl import changepoint
from perfctl.changepoint import clean, find_steps, ranks

Draw = Callable[[random.Random, int], list[float]]
COUNTS = (10, 12, 14, 17, 20, 25, 30, 40, 50, 70, 100, 150, 240, 480)
SERIES = 400


def plain(draw: random.Random, count: int) -> list[float]:
    """Independent normal values."""
    return [draw.gauss(0, 1) for _ in range(count)]


def outliers(draw: random.Random, count: int) -> list[float]:
    """One value in ten is ten times as far off."""
    return [draw.gauss(0, 10 if draw.random() < 0.1 else 1) for _ in range(count)]


def skewed(draw: random.Random, count: int) -> list[float]:
    """Independent, of a log-normal distribution."""
    return [draw.lognormvariate(0, 1) for _ in range(count)]


def alike(share: float) -> Draw:
    """A first-order autoregression with that coefficient and variance 1."""

    def noise(draw: random.Random, count: int) -> list[float]:
        values = [draw.gauss(0, 1)]
        while len(values) < count:
            values.append(share * values[-1] + draw.gauss(0, math.sqrt(1 - share * share)))
        return values

    return noise


def rare(draw: random.Random, count: int) -> list[float]:
    """Mostly 0, as the share of errors."""
    return [0.05 * (draw.random() < 0.1) for _ in range(count)]


NOISES: dict[str, Draw] = {
    "independent": plain,
    "outliers": outliers,
    "log-normal": skewed,
    "rare values": rare,
    **{f"alike {share}": alike(share) for share in (0.3, 0.5, 0.7, 0.85)},
}


def rates() -> None:
    """False alarms by noise and length; steps and bumps found, and how often in their range."""
    draw = random.Random(1)
    print(f"series of noise in which a step is seen, of {SERIES}:")
    for name, noise in NOISES.items():
        seen = [
            sum(bool(find_steps(noise(draw, n))) for _ in range(SERIES)) for n in (12, 20, 40, 100)
        ]
        shares = ", ".join(f"{count / SERIES:.1%}" for count in seen)
        print(f"  {name:11} 12, 20, 40, 100 cells: {shares}")
    print("levels that are there, heights in standard deviations of the noise:")
    for name in ("independent", "alike 0.5"):
        for count, first, last, height in (
            (40, 20, 40, 4), (24, 12, 24, 3), (60, 30, 60, 2), (60, 55, 60, 3),
            (240, 200, 240, 2), (48, 30, 40, 3),
        ):  # fmt: skip
            found = within = 0
            for _ in range(100):
                values = [
                    v + height * (first <= i < last)
                    for i, v in enumerate(NOISES[name](draw, count))
                ]
                steps = find_steps(values)
                if steps:
                    nearest = min(steps, key=lambda step: abs(step.at - first))
                    found += 1
                    within += nearest.earliest <= first <= nearest.latest
            print(
                f"  {name:11} cells {first} to {last} of {count}, {height} high:"
                f" found {found} %, of these in their range {within / max(1, found):.0%}"
            )


def tables() -> None:
    """What one in two hundred series of independent noise reaches, of ranks and of values."""
    draw = random.Random(2)
    for count in COUNTS:
        series = 8000 if count <= 50 else 2000
        of_ranks, of_values = [], []
        for _ in range(series):
            values = plain(draw, count)
            mean = (count + 1) / 2
            variance = sum((rank - mean) ** 2 for rank in range(1, count + 1)) / (count - 1)
            of_ranks.append(_strongest(ranks(values), variance))
            noise = changepoint._noise(values, changepoint._Alike(0.0, 0.0))
            of_values.append(_strongest(clean(values), noise.variance))
        place = int(0.995 * series)
        print(f"({count}, {sorted(of_ranks)[place]:.1f}) ({count}, {sorted(of_values)[place]:.1f})")


def _strongest(values: list[float], variance: float) -> float:
    return max(split.strength for split in changepoint._scan(values, variance, 1.0))


if __name__ == "__main__":
    tables() if "tables" in sys.argv else rates()
