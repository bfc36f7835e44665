# SPDX-License-Identifier: Apache-2.0
"""A folder that runs as a Hugging Face Space: the book, the browser's own modules and an app.py."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pam_ros.attention.drawing
import pam_ros.attention.errors
import pam_ros.attention.overlay
import pam_ros.share.errors
from pam_ros.sae.browser import app, book, charts, errors, names, page, pictures, search
from pam_ros.sae.browser.book import ABOUT, ARRAYS, PICTURES, about_bytes
from pam_ros.sae.browser.names import FILE

if TYPE_CHECKING:
    from pam_ros.sae.browser.book import FeatureBook
    from pam_ros.sae.browser.names import Names

GRADIO = "5.50.0"
_MODULES = (
    app, book, charts, errors, names, page, pictures, search,
    pam_ros.attention.overlay, pam_ros.attention.errors, pam_ros.attention.drawing,
    pam_ros.share.errors,
)  # fmt: skip
_APP = '''# SPDX-License-Identifier: Apache-2.0
"""The feature browser as a Space. Names cannot be changed here."""

from pathlib import Path

from pam_ros.sae.browser.app import Browser, make_app
from pam_ros.sae.browser.book import FeatureBook
from pam_ros.sae.browser.names import FILE, Names

BOOK = Path(__file__).parent / "book"
book = FeatureBook(BOOK)
demo = make_app(Browser(book, Names(BOOK / FILE, book.about.sae_sha256), editable=False))

if __name__ == "__main__":
    demo.launch()
'''
_README = """---
title: {title}
sdk: gradio
sdk_version: {gradio}
app_file: app.py
---

{features} sparse features of layer {layer} of {policy}, made with pam_ros {version}.

Locally: `pip install -r requirements.txt && python app.py`.
"""
_REQUIREMENTS = """gradio=={gradio}
numpy
opencv-python-headless
pillow
safetensors
"""
_ATTRIBUTES = (
    "*.bin filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
)
_SAFE = re.compile(r"[^\w .,()#-]")


def export(shown: FeatureBook, labels: Names, out: Path) -> None:
    """Write the folder.

    Paths of this machine that the store's description may hold are cut down to their last part.

    Args:
        shown: the book.
        labels: that go with it.
        out: must not exist.

    Raises:
        FeaturesError: it exists or cannot be written.
    """
    about = replace(shown.about, dataset=re.sub(r"(~|\.{0,2})/[^\s,]*/", "", shown.about.dataset))
    if out.exists():
        raise errors.FeaturesError(f"{out} exists: name a new folder")
    part = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        (part / "book").mkdir(parents=True)
        for file in (ARRAYS, PICTURES):
            shutil.copyfile(shown.folder / file, part / "book" / file)
        (part / "book" / ABOUT).write_bytes(about_bytes(about))
        labels.all()
        if labels.path.exists():
            shutil.copyfile(labels.path, part / "book" / FILE)
        for module in _MODULES:
            source = Path(str(module.__file__))
            target = part / Path(*module.__name__.split(".")).with_suffix(".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            for package in target.relative_to(part).parents[:-1]:
                empty = "# SPDX-License-Identifier: Apache-2.0\n"
                (part / package / "__init__.py").write_text(empty)
        title = _SAFE.sub("", f"Sparse features of {about.policy_name}")
        (part / "README.md").write_text(
            _README.format(
                title=title,
                gradio=GRADIO,
                features=about.features,
                layer=about.layer,
                policy=_SAFE.sub("", about.policy_name),
                version=about.pam_ros_version,
            ),
            encoding="utf-8",
        )
        (part / "requirements.txt").write_text(_REQUIREMENTS.format(gradio=GRADIO))
        (part / ".gitattributes").write_text(_ATTRIBUTES)
        (part / "app.py").write_text(_APP)
        part.rename(out)
    except OSError as error:
        raise errors.FeaturesError(f"{out} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
