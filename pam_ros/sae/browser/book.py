# SPDX-License-Identifier: Apache-2.0
"""A feature book on disk: all that the browser shows of an SAE's features, and nothing else.

book.json: where it comes from, see About. book.safetensors: the arrays below. pictures.bin: JPEG
files, one after the other. F features, N frames kept of each, E activities, C cells, P pictures:

    density, tick_density, mean, maximum (F,); histogram (F, B); phase (F, parts);
    correlation (F, S); match_feature, match_cosine (F, M)
    top_*, per_episode_* (F, N): value, episode, frame, token of the strongest ticks
    tick_episode, tick_frame (ticks,): in order
    start (F + 1,), tick, value (E,): feature f's value in the ticks where it is active
    cell_start (F + 1,), cell_tick, cell_camera, cell_row, cell_col, cell_value (C,): its activation
        in each cell, in the ticks that clips and frames show
    picture_tick, picture_camera, picture_end (P,): where each picture lies in pictures.bin
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors

from pam_ros.sae.browser.errors import FeaturesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABOUT, ARRAYS, PICTURES = "book.json", "book.safetensors", "pictures.bin"
FORMAT = "pam_ros feature book 1"
_SMALL = (
    "density", "tick_density", "mean", "maximum", "start", "cell_start", "tick_episode",
    "tick_frame", "picture_tick", "picture_camera", "picture_end",
)  # fmt: skip
_RANKED = ("value", "episode", "frame", "token")


@dataclass(frozen=True)
class Camera:
    """A camera's cells: (row, col) is centred on pixel (x0 + col * dx, y0 + row * dy)."""

    name: str
    rows: int
    cols: int
    x0: float
    y0: float
    dx: float
    dy: float


@dataclass(frozen=True)
class About:
    """Where a book comes from, and what its arrays mean.

    clip: frames before and after a clip's strongest one. tokens: what each position is, by words,
    for tokens that are no cells.
    """

    sae_sha256: str
    policy_sha256: str
    policy_name: str
    layer: str
    sampler: str
    dataset: str
    features: int
    ticks: int
    rows: int
    cameras: tuple[Camera, ...]
    signals: tuple[str, ...]
    others: tuple[str, ...]
    histogram_edges: tuple[float, ...]
    clip: int
    clips: int
    tokens: dict[str, str]
    pam_ros_version: str


@dataclass(frozen=True)
class Peak:
    """A tick in which a feature is strong: its place among all ticks, and where it peaks."""

    tick: int
    value: float
    episode: int
    frame: int
    token: int


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of one feature; see describe.Descriptions. matches: (SAE, its feature, cosine)."""

    density: float
    tick_density: float
    mean: float
    maximum: float
    histogram: NDArray[np.int64]
    phase: NDArray[np.float32]
    correlation: NDArray[np.float32]
    matches: tuple[tuple[str, int, float], ...]


class FeatureBook:
    """An existing book, for reading. Large arrays stay on disk.

    Raises:
        FeaturesError: there is none, or it is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.about = _read_about(self.folder)
        path = self.folder / ARRAYS
        try:
            opened: Any = safetensors.safe_open(path, framework="np")
            self._file = opened
            self._small: dict[str, NDArray[Any]] = {
                name: opened.get_tensor(name) for name in _SMALL
            }
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise FeaturesError(f"{path} is damaged: {_first_line(error)}") from None
        episodes = self._small["tick_episode"]
        if len(self._small["start"]) != self.about.features + 1 or not len(episodes):
            raise FeaturesError(f"{path} is damaged: it does not hold what {ABOUT} says")
        self._tick_of = {
            key: tick
            for tick, key in enumerate(
                zip(episodes.tolist(), self._small["tick_frame"].tolist(), strict=True)
            )
        }
        keys = zip(
            self._small["picture_tick"].tolist(),
            self._small["picture_camera"].tolist(),
            strict=True,
        )
        self._picture_of = {key: place for place, key in enumerate(keys)}

    @property
    def density(self) -> NDArray[np.float32]:
        """(F,) share of tokens in which each feature is active."""
        return self._small["density"]

    @property
    def tick_density(self) -> NDArray[np.float32]:
        """(F,) share of ticks."""
        return self._small["tick_density"]

    @property
    def maximum(self) -> NDArray[np.float32]:
        """(F,) largest activation."""
        return self._small["maximum"]

    @property
    def episodes(self) -> list[int]:
        """Their numbers, in order."""
        return [int(number) for number in dict.fromkeys(self._small["tick_episode"].tolist())]

    def ticks_of(self, episode: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Places and frames of an episode's ticks."""
        ticks = np.flatnonzero(self._small["tick_episode"] == episode)
        return ticks, self._small["tick_frame"][ticks]

    def statistics(self, feature: int) -> Statistics:
        """Of one feature."""
        row = {
            name: self._row(name, feature)
            for name in ("histogram", "phase", "correlation", "match_feature", "match_cosine")
        }
        scalars = [
            float(self._small[name][feature])
            for name in ("density", "tick_density", "mean", "maximum")
        ]
        matches = zip(
            self.about.others,
            row["match_feature"].tolist(),
            row["match_cosine"].tolist(),
            strict=True,
        )
        return Statistics(
            scalars[0],
            scalars[1],
            scalars[2],
            scalars[3],
            row["histogram"],
            row["phase"],
            row["correlation"],
            tuple(matches),
        )

    def peaks(self, feature: int, *, per_episode: bool) -> list[Peak]:
        """The strongest ticks, falling: of all, or one of each episode."""
        kind = "per_episode" if per_episode else "top"
        ranked = [self._row(f"{kind}_{part}", feature).tolist() for part in _RANKED]
        return [
            Peak(self._tick_of[episode, frame], value, episode, frame, token)
            for value, episode, frame, token in zip(*ranked, strict=True)
            if value > 0 and (episode, frame) in self._tick_of
        ]

    def activity(self, feature: int) -> NDArray[np.float32]:
        """(ticks,) its largest activation in each tick, 0 where it is silent."""
        begin, end = self._span("start", feature)
        values = np.zeros(self.about.ticks, np.float32)
        if begin < end:
            ticks = self._file.get_slice("tick")[begin:end]
            values[ticks] = self._file.get_slice("value")[begin:end]
        return values

    def heat(self, feature: int) -> dict[int, tuple[NDArray[np.float32], ...]]:
        """Tick to its activation in each camera's cells, for the ticks with any."""
        begin, end = self._span("cell_start", feature)
        if begin == end:
            return {}
        names = ("tick", "camera", "row", "col", "value")
        tick, camera, row, col, value = (
            self._file.get_slice(f"cell_{name}")[begin:end] for name in names
        )
        found: dict[int, tuple[NDArray[np.float32], ...]] = {}
        for number in np.unique(tick).tolist():
            found[number] = self.no_heat()
            for place in np.flatnonzero(tick == number):
                found[number][camera[place]][row[place], col[place]] = value[place]
        return found

    def no_heat(self) -> tuple[NDArray[np.float32], ...]:
        """Zeros for each camera's cells."""
        return tuple(np.zeros((c.rows, c.cols), np.float32) for c in self.about.cameras)

    def clip(self, peak: Peak) -> list[int]:
        """The ticks around a peak, of its episode."""
        ticks, _ = self.ticks_of(peak.episode)
        near = np.abs(ticks - peak.tick) <= self.about.clip
        return [int(tick) for tick in ticks[near]]

    def picture(self, tick: int, camera: int) -> bytes:
        """What a camera saw, as JPEG.

        Raises:
            FeaturesError: the book has no such picture.
        """
        place = self._picture_of.get((tick, camera))
        if place is None:
            raise FeaturesError(f"{self.folder} has no picture of tick {tick}, camera {camera}")
        ends = self._small["picture_end"]
        begin = int(ends[place - 1]) if place else 0
        with (self.folder / PICTURES).open("rb") as file:
            file.seek(begin)
            return file.read(int(ends[place]) - begin)

    def frame_of(self, tick: int) -> int:
        """A tick's number within its episode."""
        return int(self._small["tick_frame"][tick])

    def _row(self, name: str, feature: int) -> Any:
        return self._file.get_slice(name)[feature]

    def _span(self, name: str, feature: int) -> tuple[int, int]:
        starts = self._small[name]
        return int(starts[feature]), int(starts[feature + 1])


def about_bytes(about: About) -> bytes:
    """book.json."""
    return (json.dumps({"format": FORMAT, **asdict(about)}, indent=1) + "\n").encode()


def _read_about(folder: Path) -> About:
    path = folder / ABOUT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise FeaturesError(f"{path} is no {FORMAT}")
        content["cameras"] = tuple(Camera(**camera) for camera in content["cameras"])
        for field in fields(About):
            if isinstance(content[field.name], list):
                content[field.name] = tuple(content[field.name])
        return About(**content)
    except FileNotFoundError:
        raise FeaturesError(
            f"{folder} is no feature book: `pam_ros features build` makes one"
        ) from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise FeaturesError(f"{path} is damaged: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
