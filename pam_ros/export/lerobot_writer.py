# SPDX-License-Identifier: Apache-2.0
"""One episode through lerobot's own writer, in one place because lerobot moves its modules.

Every episode is a dataset of its own, and `join` makes one of them: what was written stays whole
whatever happens to the next. lerobot's writer has traps that are closed here: its encoders drop
pictures when they are slow, and give up waiting without an error.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

# SVT-AV1 reads its own when it is first used, tqdm when it is imported: both tell more than helps.
os.environ.setdefault("SVT_LOG", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import av
from datasets import disable_progress_bars
from lerobot.datasets.aggregate import aggregate_datasets
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.video_utils import StreamingVideoEncoder

from pam_ros.export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.export.settings import ExportSettings

_REPOSITORY = "local/export"


class _PatientEncoder(StreamingVideoEncoder):  # type: ignore[misc]
    """Waits for a slow encoder where lerobot's would leave pictures out."""

    def feed_frame(self, video_key: str, image: NDArray[Any]) -> None:
        queue, thread = self._frame_queues[video_key], self._threads[video_key]
        while queue.full() and thread.is_alive():
            time.sleep(0.001)
        super().feed_frame(video_key, image)

    def finish_episode(self) -> dict[str, tuple[Path, dict[str, Any] | None]]:
        threads = dict(self._threads)
        for video_key, queue in self._frame_queues.items():
            while not queue.empty() and threads[video_key].is_alive():
                time.sleep(0.001)
        dropped = sum(self._dropped_frames.values())
        found: dict[str, tuple[Path, dict[str, Any] | None]] = super().finish_episode()
        if dropped or any(stats is None for _, stats in found.values()):
            raise RuntimeError("a video was not encoded to its end")
        return found


class _Dataset(LeRobotDataset):  # type: ignore[misc]
    """lerobot's writer, with an encoder of ours."""

    def encode_by(self, encoder: StreamingVideoEncoder) -> None:
        """create() has no place for an encoder that drops nothing."""
        self._writing()._streaming_encoder = encoder  # noqa: SLF001

    def stop(self) -> None:
        """End the encoder's threads; what they wrote is of no use."""
        encoder = self._writing()._streaming_encoder  # noqa: SLF001
        if encoder is not None:
            encoder.close()

    def _writing(self) -> Any:
        """What writes: the dataset itself before lerobot 0.6, a part of it since."""
        return self if "_streaming_encoder" in vars(self) else self.writer


class EpisodeWriter:
    """A new dataset of one episode.

    Args:
        root: its folder; must not exist.
        fps: frames per second.
        features: as features_of gives them.
        robot: its name.
        settings: how pictures are stored.
    """

    def __init__(
        self,
        root: Path,
        fps: int,
        features: Mapping[str, Mapping[str, Any]],
        robot: str,
        settings: ExportSettings,
    ) -> None:
        _quiet()
        self._images = settings.images
        self._dataset = _Dataset.create(
            repo_id=_REPOSITORY,
            fps=fps,
            features={name: dict(feature) for name, feature in features.items()},
            root=root,
            robot_type=robot,
            # As in open_dataset; lerobot reports at length where it must choose.
            video_backend="pyav",
            use_videos=not settings.images,
            **({} if settings.images else _for_create(settings)),
        )
        if not settings.images:
            # One thread, as their number would show in the bytes of h264.
            self._dataset.encode_by(
                _PatientEncoder(fps=fps, encoder_threads=1, **_for_encoder(settings))
            )

    def add(self, row: dict[str, Any]) -> None:
        """One frame.

        Raises:
            ExportError: lerobot or an encoder does not take it.
            OSError: the disk refuses.
        """
        with self._in_one_sentence():
            self._dataset.add_frame(row)

    def finish(self) -> None:
        """Write what is left.

        Raises:
            ExportError: an encoder does not come to its end.
            OSError: the disk refuses.
        """
        with self._in_one_sentence():
            self._dataset.save_episode()
            self._dataset.finalize()

    def abandon(self) -> None:
        """Stop: the folder is of no use."""
        self._dataset.stop()

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            hint = "" if self._images else "; --images does without videos"
            raise ExportError(f"an episode cannot be written: {_short(error)}{hint}") from error


def join(parts: Sequence[Path], root: Path, scratch: Path) -> None:
    """One dataset of several, in this order.

    Args:
        parts: folders of datasets.
        root: the new one; must not exist.
        scratch: a folder for temporary files on the same disk.

    Raises:
        ExportError: they do not go together.
        OSError: the disk refuses.
    """
    _quiet()
    with _temporary_files_in(scratch):
        try:
            aggregate_datasets(
                [_REPOSITORY] * len(parts), _REPOSITORY, roots=list(parts), aggr_root=root
            )
        except OSError:
            raise
        except Exception as error:
            raise ExportError(f"the episodes do not go together: {_short(error)}") from error


def open_dataset(root: Path) -> LeRobotDataset:
    """A dataset's folder, by lerobot's own reader.

    Raises:
        ExportError: it cannot be opened.
    """
    _quiet()
    try:
        # pyav reads videos without FFmpeg's shared libraries, which torchcodec needs.
        return LeRobotDataset(_REPOSITORY, root=root, video_backend="pyav")
    except Exception as error:
        raise ExportError(f"dataset {root} cannot be opened: {_short(error)}") from error


def _for_create(settings: ExportSettings) -> dict[str, Any]:
    """The codec, as this version's create() takes it."""
    made = _for_encoder(settings)
    return made if "rgb_encoder" in made else {"vcodec": settings.codec}


def _for_encoder(settings: ExportSettings) -> dict[str, Any]:
    """Codec and quality, as this version's encoder takes them: in one value since lerobot 0.6."""
    config = getattr(importlib.import_module("lerobot.configs"), "RGBEncoderConfig", None)
    if config is None:
        return {"vcodec": settings.codec, "crf": settings.crf}
    return {"rgb_encoder": config(vcodec=settings.codec, crf=settings.crf)}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _quiet() -> None:
    """Neither progress bars nor libav's reports: what matters comes as an error."""
    disable_progress_bars()
    warnings.filterwarnings("ignore", message="The video decoding and encoding")
    av.logging.set_libav_level(av.logging.ERROR)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Lerobot joins videos in the folder for temporary files, which may be small or in memory."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
