# SPDX-License-Identifier: Apache-2.0
"""Finding features by number, by words of their labels, or in an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.sae.browser.book import FeatureBook
    from pam_ros.sae.browser.names import Label

ORDERS = ("number", "most often active", "rarely active", "strongest", "named first")
SHOWN = 200


def find(book: FeatureBook, labels: Mapping[int, Label], text: str, order: str) -> list[int]:
    """Features that fit, in an order of ORDERS, at most SHOWN.

    Every word of the text must be in the label; a number is that feature, before all others. Silent
    features come last, or not at all where text is given.
    """
    words = text.lower().split()
    count = book.about.features
    ranked = _ranked(book, labels, order)
    numbers = [int(w) for w in (word.removeprefix("#") for word in words) if w.isdecimal()]
    exact = [n for n in numbers if n < count]
    if words:
        ranked = [
            n
            for n in ranked
            if n in labels
            and all(w in f"{labels[n].name} {labels[n].description}".lower() for w in words)
        ]
    return list(dict.fromkeys([*exact, *ranked]))[:SHOWN]


def _ranked(book: FeatureBook, labels: Mapping[int, Label], order: str) -> list[int]:
    silent = book.maximum <= 0
    numbers = np.arange(book.about.features)
    keys = {
        "number": numbers,
        "most often active": -book.tick_density,
        "rarely active": book.tick_density,
        "strongest": -book.maximum,
        "named first": ~np.isin(numbers, list(labels)),
    }
    found: list[int] = np.lexsort((numbers, keys[order], silent)).tolist()
    return found


def title(feature: int, book: FeatureBook, labels: Mapping[int, Label]) -> str:
    """A feature on one line."""
    label = labels.get(feature)
    name = f" {label.name}" if label is not None and label.name else ""
    often = float(book.tick_density[feature])
    return f"#{feature}{name} ({often:.1%} of ticks)"
