# SPDX-License-Identifier: Apache-2.0
"""How large reports are, and how long a browser takes to show their first picture.

python -m bench.report_page ONE.html OTHER.html [--rounds 15]

The pages are opened in turns, each in its turn anew, so that whatever slows the machine down for a
while slows all of them. CPU is that of the page's main thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "test" / "show" / "report"))
from chromium import Browser, find_chromium

_DRAWN = "Number(document.getElementById('cameras')?.dataset.tick ?? -1)"


def main() -> int:
    """Print a line a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path, help="of pam_ros report")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    path = find_chromium()
    if path is None:
        sys.stderr.write("no Chromium: apt-get install chromium, or name one by PAM_ROS_CHROMIUM\n")
        return 1
    browser = Browser(path)
    browser.call("Performance.enable", timeDomain="threadTicks")
    found: dict[Path, list[tuple[float, float]]] = {page: [] for page in options.pages}
    try:
        for page in options.pages:
            _opened(browser, page)  # once for the disk's cache, not counted
        for number in range(options.rounds):
            turn = options.pages if number % 2 == 0 else options.pages[::-1]
            for page in turn:
                found[page].append(_opened(browser, page))
    finally:
        browser.close()
    for page, times in found.items():
        size = page.stat().st_size / 1e6
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        sys.stdout.write(
            f"{page}: {size:.2f} MB; first picture after {wall:.2f} s, {cpu:.2f} s of CPU "
            f"(medians of {len(times)})\n"
        )
    return 0


def _opened(browser: Browser, page: Path) -> tuple[float, float]:
    """Seconds from opening to the first picture: by the wall clock, and of CPU."""
    browser.open(Path("/dev/null"))
    before = _cpu(browser)
    start = time.perf_counter()
    browser.open(page)
    browser.wait(f"{_DRAWN} >= 0")
    wall = time.perf_counter() - start
    return wall, _cpu(browser) - before


def _cpu(browser: Browser) -> float:
    metrics = browser.call("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


if __name__ == "__main__":
    sys.exit(main())
