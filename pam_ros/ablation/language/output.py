# SPDX-License-Identifier: Apache-2.0
"""The folder that a run leaves: its JSON and its page, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.language.page import page
from pam_ros.share.folder_lock import lock_folder
from pam_ros.share.whole_file import replace_file

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from pam_ros.ablation.language.report import LanguageReport

JSON, PAGE = "language.json", "language.html"
JOURNAL = "language.partial"
_LOCK = ".language.lock"


def locked(folder: Path) -> TextIO:
    """The folder, made and ours for as long as the result is open.

    Raises:
        AblationError: it cannot be made, or another run writes it.
    """
    return lock_folder(folder, _LOCK, "pam_ros language", AblationError)


def write_files(folder: Path, report: LanguageReport) -> None:
    """Write both into a folder that is locked; the journal of the run is not needed any more.

    Raises:
        AblationError: they cannot be written.
    """
    replace_file(folder / PAGE, page(report).encode(), AblationError)
    replace_file(folder / JSON, report.to_json().encode(), AblationError)
    (folder / JOURNAL).unlink(missing_ok=True)
