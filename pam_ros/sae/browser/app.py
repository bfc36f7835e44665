# SPDX-License-Identifier: Apache-2.0
"""The feature browser: a Gradio app around a Page, the names file and the search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.browser.names import NO_LABEL, Label
from pam_ros.sae.browser.page import Page
from pam_ros.sae.browser.search import ORDERS, find, title

if TYPE_CHECKING:
    from pam_ros.sae.browser.book import FeatureBook
    from pam_ros.sae.browser.names import Names

_ALL = "of all frames"
_SPREAD = "of different episodes"


def count(number: int, what: str) -> str:
    """The number and the word, which gets an s unless there is one."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def import_gradio() -> Any:
    """The module gradio.

    Raises:
        FeaturesError: it is not installed.
    """
    try:
        import gradio  # noqa: PLC0415  (optional)
    except ImportError as error:
        raise FeaturesError(
            f"the feature browser needs gradio: pip install 'pam_ros[features]' ({error})"
        ) from None
    return gradio


class Browser:
    """What the app's elements call.

    editable: whether names may be changed here.
    """

    def __init__(self, book: FeatureBook, names: Names, *, editable: bool) -> None:
        self.book = book
        self.names = names
        self.editable = editable
        self.page = Page(book)

    def choices(self, text: str, order: str) -> list[tuple[str, int]]:
        """What the list offers: words and number of each feature."""
        labels = self.names.all()
        found = find(self.book, labels, text or "", order)
        return [(title(feature, self.book, labels), feature) for feature in found]

    def heading(self, feature: int) -> str:
        """The feature's title, as Markdown without any markup of the label's."""
        label = self.names.of(feature)
        name = "".join(f"\\{c}" if c in _MARKUP else c for c in label.name)
        return f"## Feature {feature}{': ' if name else ''}{name}"

    def strongest_episode(self, feature: int) -> int:
        """Where it is strongest; the first one for a silent feature."""
        peaks = self.book.peaks(feature, per_episode=True)
        return peaks[0].episode if peaks else self.book.episodes[0]

    def save(self, feature: int, label: Label, before: Label) -> str:
        """Write a label; a sentence that says what became of it.

        Raises:
            FeaturesError: it was not written.
        """
        if not self.editable:
            raise FeaturesError("names cannot be changed here")
        self.names.write(feature, label, before)
        return f"Saved in {self.names.path.name}."


_MARKUP = "\\`*_{}[]()<>#+-.!|~$&"


def make_app(browser: Browser) -> Any:  # noqa: PLR0915  (one page, from top to bottom)
    """The gradio.Blocks of a browser.

    Raises:
        FeaturesError: gradio is missing, or the names file is damaged.
    """
    gr = import_gradio()
    book, about = browser.book, browser.book.about
    # Nothing is fetched from a network: no fonts, no analytics.
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    first = browser.choices("", ORDERS[1])
    with gr.Blocks(
        title="Sparse features", theme=theme, analytics_enabled=False, fill_width=True
    ) as app:
        gr.Markdown(
            f"# Sparse features of {about.policy_name}\n"
            f"{about.features} features of layer {about.layer}, seen in {about.rows} tokens of "
            f"{about.ticks} frames, {count(len(book.episodes), 'episode')}."
        )
        seen = gr.State(NO_LABEL)
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                text = gr.Textbox(
                    label="Search by number or name, Enter", elem_id="search", max_lines=1
                )
                order = gr.Dropdown(list(ORDERS), value=ORDERS[1], label="Order", elem_id="order")
                chosen = gr.Dropdown(
                    first, value=first[0][1] if first else None, label="Feature", elem_id="feature"
                )
                with gr.Row():
                    back = gr.Button("Previous", elem_id="previous", min_width=60)
                    forth = gr.Button("Next", elem_id="next", min_width=60)
                name = gr.Textbox(
                    label="Name", elem_id="name", max_lines=1, interactive=browser.editable
                )
                description = gr.Textbox(
                    label="Description",
                    lines=4,
                    elem_id="description",
                    interactive=browser.editable,
                )
                save = gr.Button(
                    "Save", variant="primary", elem_id="save", visible=browser.editable
                )
                said = gr.Markdown(elem_id="said")
            with gr.Column(scale=4):
                heading = gr.Markdown(elem_id="heading")
                statistics = gr.HTML(elem_id="statistics")
                gr.Markdown("### Clips of its strongest moments")
                clips = gr.HTML(elem_id="clips")
                gr.Markdown("### Over time")
                episode = gr.Dropdown([], label="Episode", elem_id="episode")
                timelines = gr.HTML(elem_id="timelines")
                gr.Markdown("### Its strongest frames")
                spread = gr.Radio(
                    [_SPREAD, _ALL], value=_SPREAD, show_label=False, elem_id="spread"
                )
                frames = gr.HTML(elem_id="frames")

        shown = [
            heading, statistics, clips, episode, timelines, frames, name, description, seen, said,
        ]  # fmt: skip

        def show(feature: int | None, kind: str) -> list[Any]:
            if feature is None:
                return ["", "", "", gr.Dropdown([]), "", "", "", "", NO_LABEL, "Nothing fits."]
            label = browser.names.of(feature)
            start = browser.strongest_episode(feature)
            return [
                browser.heading(feature),
                browser.page.statistics(feature),
                browser.page.clips(feature),
                gr.Dropdown([(str(e), e) for e in book.episodes], value=start),
                browser.page.timelines(feature, start),
                browser.page.frames(feature, kind == _SPREAD),
                label.name,
                label.description,
                label,
                "",
            ]

        def search(words: str, by: str) -> Any:
            offered = browser.choices(words, by)
            return gr.Dropdown(offered, value=offered[0][1] if offered else None)

        def step(feature: int | None, words: str, by: str, way: int) -> Any:
            # From the only one that fits, on through all of them.
            fitting = browser.choices(words, by)
            offered = fitting if len(fitting) > 1 else browser.choices("", by)
            numbers = [number for _, number in offered]
            place = numbers.index(feature) if feature in numbers else -way
            return gr.Dropdown(offered, value=numbers[(place + way) % len(numbers)])

        def keep(
            feature: int, new: str, words: str, before: Label, by: str, query: str
        ) -> list[Any]:
            try:
                sentence = browser.save(feature, Label(new or "", words or ""), before)
            except FeaturesError as error:
                raise gr.Error(str(error), print_exception=False) from None
            label = browser.names.of(feature)
            offered = browser.choices(query, by)
            if feature not in [number for _, number in offered]:
                offered.insert(0, (title(feature, book, browser.names.all()), feature))
            return [
                browser.heading(feature),
                label.name,
                label.description,
                label,
                sentence,
                gr.Dropdown(offered, value=feature),
            ]

        chosen.change(show, [chosen, spread], shown, trigger_mode="always_last")
        app.load(show, [chosen, spread], shown)
        for trigger in (text.submit, order.change):
            trigger(search, [text, order], chosen)
        back.click(lambda f, w, b: step(f, w, b, -1), [chosen, text, order], chosen)
        forth.click(lambda f, w, b: step(f, w, b, 1), [chosen, text, order], chosen)
        save.click(
            keep,
            [chosen, name, description, seen, order, text],
            [heading, name, description, seen, said, chosen],
        )
        episode.input(browser.page.timelines, [chosen, episode], timelines)
        spread.input(
            lambda f, kind: browser.page.frames(f, kind == _SPREAD), [chosen, spread], frames
        )
    return app
