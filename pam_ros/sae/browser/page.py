# SPDX-License-Identifier: Apache-2.0
"""One feature as HTML: statistics, clips, frames, timelines. Self-contained, every text escaped."""

from __future__ import annotations

import base64
import html
import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.sae.browser.charts import bars, curve, raster
from pam_ros.sae.browser.pictures import Drawer

if TYPE_CHECKING:
    from pam_ros.sae.browser.book import FeatureBook, Peak

_STRIP = 'style="display:flex;flex-wrap:wrap;gap:10px"'
_FRAMES = 12
_CORRELATIONS = 5


class Page:
    """The parts of a page; clips and frames of the last features are kept."""

    def __init__(self, book: FeatureBook) -> None:
        self._book = book
        self.clips = lru_cache(maxsize=32)(self._clips)
        self.frames = lru_cache(maxsize=32)(self._frames)

    def statistics(self, feature: int) -> str:
        """A table, the histogram, the phase, correlations and matches."""
        about, found = self._book.about, self._book.statistics(feature)
        rows = [
            ("active in", f"{found.density:.3%} of tokens, {found.tick_density:.2%} of ticks"),
            ("activation", f"mean {found.mean:.3g} where active, largest {found.maximum:.3g}"),
        ]
        strength = np.abs(np.nan_to_num(found.correlation))
        order = [n for n in np.argsort(-strength, kind="stable") if strength[n] > 0]
        if order:
            text = ", ".join(
                f"{about.signals[n]} {found.correlation[n]:+.2f}" for n in order[:_CORRELATIONS]
            )
            rows.append(("correlates with", text))
        for sae, other, cosine in found.matches:
            rows.append((f"in {sae}", f"#{other}, cosine {cosine:.3f}"))
        table = "".join(
            f"<tr><th style='text-align:left;padding-right:1em'>{html.escape(name)}</th>"
            f"<td>{html.escape(text)}</td></tr>"
            for name, text in rows
        )
        edges = about.histogram_edges
        labels = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges)]
        counts = [math.log10(1 + count) for count in found.histogram.tolist()]
        parts = [f"part {n + 1} of {len(found.phase)}" for n in range(len(found.phase))]
        phase = [0.0 if math.isnan(v) else float(v) for v in found.phase.tolist()]
        return (
            f"<table>{table}</table><div {_STRIP}>"
            f"{bars(counts, labels, 'Activations, log10 of counts')}"
            f"{bars(phase, parts, 'Mean activation over the episode')}</div>"
        )

    def _clips(self, feature: int) -> str:
        """The strongest moments of different episodes, moving."""
        peaks = self._book.peaks(feature, per_episode=True)[: self._book.about.clips]
        if not peaks:
            return "<p>This feature is never active here.</p>"
        drawer = Drawer(self._book, feature)
        shown = "".join(
            self._image("clip", "webp", drawer.clip(peak, self._book.clip(peak)), peak)
            for peak in peaks
        )
        return f"<div {_STRIP}>{shown}</div>"

    def _frames(self, feature: int, per_episode: bool) -> str:
        """The strongest ticks, still."""
        peaks = self._book.peaks(feature, per_episode=per_episode)[:_FRAMES]
        if not peaks:
            return ""
        drawer = Drawer(self._book, feature)
        shown = "".join(
            self._image("frame", "jpeg", drawer.still(peak.tick), peak) for peak in peaks
        )
        return f"<div {_STRIP}>{shown}</div>"

    def timelines(self, feature: int, episode: int) -> str:
        """One episode as a curve, and all of them as lines of a picture."""
        values = self._book.activity(feature)
        top = float(self._book.maximum[feature])
        ticks, frames = self._book.ticks_of(episode)
        chart = curve(frames, values[ticks], top, f"Activation in episode {episode}, by frame")
        levels = raster([values[self._book.ticks_of(e)[0]] for e in self._book.episodes], top)
        colours = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)
        png = cv2.imencode(".png", colours)[1].tobytes()
        height = min(max(len(levels) * 4, 60), 400)
        rows = "The episode"
        if len(levels) > 1:
            rows = f"All {len(levels)} episodes, one below the other"
        return (
            f"{chart}<figure style='margin:1em 0 0'><figcaption>{rows}, from first to last frame"
            "</figcaption>"
            f'<img class="raster" alt="" src="{_url("png", png)}" style="width:100%;'
            f'max-width:900px;height:{height}px;image-rendering:pixelated"></figure>'
        )

    def _image(self, kind: str, form: str, data: bytes, peak: Peak) -> str:
        where = self._book.about.tokens.get(str(peak.token), "")
        text = f"episode {peak.episode}, frame {peak.frame}: {peak.value:.3g}"
        if where:
            text += f", at the {where}"
        return (
            f'<figure style="margin:0"><img class="{kind}" alt="{html.escape(text)}" '
            f'src="{_url(form, data)}" style="height:180px;max-width:100%">'
            f"<figcaption>{html.escape(text)}</figcaption></figure>"
        )


def _url(form: str, data: bytes) -> str:
    return f"data:image/{form};base64,{base64.b64encode(data).decode()}"
