# SPDX-License-Identifier: Apache-2.0
"""`pam_ros features`: make a feature book, browse it, export it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.browser.names import FILE, Names
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.sae.browser.book import FeatureBook

PORT = 7860
_HELP = "feature book"


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros features ...`; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    options.job(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pam_ros features", description=__doc__)
    jobs = parser.add_subparsers(required=True)
    build = jobs.add_parser("build", help="a book from an SAE, its store and its descriptions")
    build.add_argument("--sae", type=Path, required=True, help="folder")
    build.add_argument("--data", type=Path, required=True, help="store, with observations")
    build.add_argument(
        "--descriptions", type=Path, required=True, help="folder of `pam_ros sae describe`"
    )
    build.add_argument("--out", type=Path, required=True, help="the book, a new folder")
    build.add_argument("--torch-threads", type=int, default=0, help="0: torch's choice")
    build.set_defaults(job=_build)
    show = jobs.add_parser("show", help="browse a book, on this machine alone")
    show.add_argument("book", type=Path, help=_HELP)
    show.add_argument(
        "--sae", type=Path, help=f"folder of the SAE, for {FILE} (otherwise it is in the book)"
    )
    show.add_argument("--port", type=int, default=PORT, help=f"{PORT}")
    show.add_argument("--no-browser", action="store_true", help="do not open a browser")
    show.set_defaults(job=_show)
    export = jobs.add_parser("export", help="a folder that runs as a Hugging Face Space")
    export.add_argument("book", type=Path, help=_HELP)
    export.add_argument("--sae", type=Path, help="as for show")
    export.add_argument("--out", type=Path, required=True, help="a new folder")
    export.set_defaults(job=_export)
    return parser


def _build(options: argparse.Namespace) -> None:
    import torch  # noqa: PLC0415
    from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415

    from pam_ros.sae.browser.build import build  # noqa: PLC0415
    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415

    if options.torch_threads:
        torch.set_num_threads(options.torch_threads)
    sae, store = load_sae(options.sae), TokenStore(options.data)
    with tqdm(total=store.rows, unit=" tokens", disable=None) as bar:
        about = build(sae, store, options.descriptions, options.out, bar.update)
    sys.stdout.write(f"{options.out}: {about.features} features, {about.ticks} frames\n")


def _open(options: argparse.Namespace) -> tuple[FeatureBook, Names]:
    from pam_ros.sae.browser.book import FeatureBook  # noqa: PLC0415

    book = FeatureBook(options.book)
    folder = options.book if options.sae is None else options.sae
    if not folder.is_dir():
        raise FeaturesError(f"{folder} is no folder")
    names = Names(folder / FILE, book.about.sae_sha256)
    names.all()
    return book, names


def _show(options: argparse.Namespace) -> None:
    from pam_ros.sae.browser.app import Browser, make_app  # noqa: PLC0415  (gradio)

    book, names = _open(options)
    app = make_app(Browser(book, names, editable=True))
    try:
        # Quiet: its own words offer a public link, which there is not.
        app.launch(
            server_name="127.0.0.1",
            server_port=options.port,
            share=False,
            inbrowser=not options.no_browser,
            show_api=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise FeaturesError(f"port {options.port} cannot be used: {error}") from None
    sys.stdout.write(
        f"http://127.0.0.1:{options.port} shows it, on this machine alone; Ctrl-C ends it\n"
    )
    sys.stdout.flush()
    app.block_thread()


def _export(options: argparse.Namespace) -> None:
    from pam_ros.sae.browser.export import export  # noqa: PLC0415  (gradio)

    book, names = _open(options)
    export(book, names, options.out)
    sys.stdout.write(f"{options.out}: `python {options.out}/app.py` runs it here\n")
