# SPDX-License-Identifier: Apache-2.0
"""Names and descriptions of features: one JSON file beside the SAE, for any number of writers.

A writer holds a lock while it reads the file, changes one entry and puts the new file in its place
in one rename. Whoever changes an entry says what it was when he last saw it, so that nobody
overwrites what he has not seen.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.sae.browser.errors import FeaturesError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "feature_names.json"
_FORMAT = "pam_ros feature names 1"
_LONGEST_NAME, _LONGEST_DESCRIPTION = 100, 5000
_LARGEST_FILE = 1 << 26


@dataclass(frozen=True)
class Label:
    """What a feature is called, on one line, and what is known of it."""

    name: str = ""
    description: str = ""


NO_LABEL = Label()


class Names:
    """The names file of one SAE.

    Args:
        path: of the file, which need not exist yet.
        sae_sha256: of the SAE's weights: names of another SAE's features are refused.
    """

    def __init__(self, path: str | Path, sae_sha256: str) -> None:
        self.path = Path(path)
        self._sae_sha256 = sae_sha256
        self._seen: tuple[int, int, int] | None = None
        self._labels: dict[int, Label] = {}

    def all(self) -> dict[int, Label]:
        """Every label, by feature; read anew where the file has changed.

        Raises:
            FeaturesError: the file is damaged, or another SAE's.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._labels = None, {}
            return {}
        except OSError as error:
            raise FeaturesError(f"{self.path} cannot be read: {error.strerror}") from None
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._labels = self._read()
            self._seen = seen
        return dict(self._labels)

    def of(self, feature: int) -> Label:
        """One feature's label, empty where it has none.

        Raises:
            FeaturesError: as all.
        """
        return self.all().get(feature, NO_LABEL)

    def write(self, feature: int, label: Label, before: Label) -> None:
        """Label a feature; an empty label removes the entry.

        Args:
            feature: its number.
            label: the new one.
            before: the one that the writer has seen.

        Raises:
            FeaturesError: somebody else has changed it since, the label is too long, or the file
                cannot be written; the file is then as it was.
        """
        label = Label(" ".join(label.name.split()), label.description.strip())
        if len(label.name) > _LONGEST_NAME:
            raise FeaturesError(f"a name of {len(label.name)} characters: {_LONGEST_NAME} at most")
        if len(label.description) > _LONGEST_DESCRIPTION:
            raise FeaturesError(
                f"a description of {len(label.description)} characters: {_LONGEST_DESCRIPTION} at "
                "most"
            )
        with self._locked():
            labels = self._read() if self.path.exists() else {}
            now = labels.get(feature, NO_LABEL)
            if now not in {before, label}:
                raise FeaturesError(
                    f"feature {feature} has been named '{now.name}' meanwhile: load it again "
                    "before you change it"
                )
            labels[feature] = label
            if label == NO_LABEL:
                del labels[feature]
            self._replace(labels)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            lock = self.path.with_name(f".{self.path.name}.lock").open("w")
        except OSError as error:
            raise FeaturesError(f"{self.path} cannot be written: {error.strerror}") from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[int, Label]:
        try:
            if self.path.stat().st_size > _LARGEST_FILE:
                raise FeaturesError(f"{self.path} is larger than {_LARGEST_FILE >> 20} MiB")
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise FeaturesError(f"{self.path} is of format {content['format']!r}")
            if content["sae_sha256"] != self._sae_sha256:
                raise FeaturesError(f"{self.path} names features of another SAE")
            return {int(number): _label(entry) for number, entry in content["features"].items()}
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise FeaturesError(
                f"{self.path} is damaged and is left alone: mend it, or move it away "
                f"({type(error).__name__})"
            ) from None

    def _replace(self, labels: dict[int, Label]) -> None:
        content = {
            "format": _FORMAT,
            "sae_sha256": self._sae_sha256,
            "features": {
                str(number): {"name": label.name, "description": label.description}
                for number, label in sorted(labels.items())
            },
        }
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=1, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise FeaturesError(f"{self.path} cannot be written: {error.strerror}") from None


def _label(entry: Any) -> Label:
    name, description = entry["name"], entry["description"]
    if not isinstance(name, str) or not isinstance(description, str):
        raise TypeError
    return Label(name, description)
