"""Accuracies as a picture: each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence

from spikec.answers import Accuracy
from spikec.report.svg import bottom_axis, number, picture, tag, text
from spikec.report.table import accuracy_text

LEFT, WIDTH = 136.0, 310.0
"""Room for names and for the axis, px."""


def accuracies(shown: Sequence[tuple[str, Accuracy]]) -> str:
    """Draw accuracies one below the other, on an axis in percent that ends at 100.

    Args:
        shown: Names and accuracies.
    """
    low = min(100 * (a.value if a.interval is None else a.interval[0]) for _, a in shown)
    begin = max(0.0, 100 - 1.25 * max(100 - low, 2.0))
    px = WIDTH / (100 - begin)
    parts = []
    for k, (name, a) in enumerate(shown):
        y = 20.0 + 34 * k
        at = LEFT + (100 * a.value - begin) * px
        if a.interval is not None:
            ends = [LEFT + (100 * end - begin) * px for end in a.interval]
            d = f"M{number(ends[0])} {number(y)}H{number(ends[1])}" + "".join(
                f"M{number(end)} {number(y - 6)}v12" for end in ends
            )
            parts.append(tag("path", d=d, class_=f"whisker w{k}"))
        parts.append(tag("circle", cx=at, cy=y, r=5, class_=f"dot w{k}", data_value=repr(a.value)))
        parts.append(text(LEFT - 12, y + 4, name, "end", LEFT - 18))
        parts.append(text(LEFT + WIDTH + 16, y + 4, f"{100 * a.value:.2f} %", "strong"))
    bottom = 20.0 + 34 * len(shown)
    parts.append(bottom_axis((LEFT, LEFT + WIDTH), (begin, 100.0), bottom, "right answers, %"))
    label = "; ".join(f"{name}: {accuracy_text(a)}" for name, a in shown)
    return picture(LEFT + WIDTH + 80, bottom + 44, f"Accuracy with its interval. {label}", parts, least=0.7)
