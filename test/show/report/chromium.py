# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven by the DevTools protocol through a pair of pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SECONDS = 60.0
#: Lets one element alone have the next click: where it has moved away, nothing has any of it.
TAKE_AIM = """(wanted => {
  const kinds = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
  const aim = window.aim = {hit: false, missed: false, end: () => {
    for (const kind of kinds) removeEventListener(kind, see, true);
    return aim.hit;
  }};
  const see = event => {
    if (aim.missed ||= !wanted.contains(event.composedPath()[0])) {
      event.stopImmediatePropagation();
      event.preventDefault();
    } else if (event.type === "click") {
      aim.hit = true;
      aim.end();
    }
  };
  for (const kind of kinds) addEventListener(kind, see, true);
})(document.querySelector(%s))"""


def find_chromium() -> str | None:
    """Its path; PAM_ROS_CHROMIUM names another."""
    given = os.environ.get("PAM_ROS_CHROMIUM")
    return given or next((path for path in map(shutil.which, NAMES) if path), None)


def _above(descriptor: int) -> int:
    """The same open file under a number of two digits."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return other


class Browser:
    """One Chromium with one page. Offline: any request to a network fails, and is counted."""

    def __init__(self, executable: str, width: int = 1500, height: int = 950) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        # Beyond 8 and 9, which the shell below overwrites.
        to_browser, self._write = map(_above, os.pipe())
        self._read, from_browser = map(_above, os.pipe())
        # Chromium reads commands from descriptor 3 and answers on 4. Through 8 and 9, so that
        # neither is overwritten before it is copied.
        script = f'exec "$@" 8<&{to_browser} 9>&{from_browser} 3<&8 4>&9'
        self._process = subprocess.Popen(
            [
                "/bin/bash", "-c", script, "chromium", executable, "--headless=new",
                "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--mute-audio",
                "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                "--disable-component-update",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={self._profile}", f"--window-size={width},{height}",
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._last = 0
        self._session: str | None = None
        self.events: list[dict] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.resize(width, height)

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """The window, in CSS pixels: of a phone with a finger, or of a desktop with a mouse."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def scheme(self, name: str) -> None:
        """What the system prefers: "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def call(self, method: str, **parameters):
        """Send a command and return its result."""
        self._last += 1
        request = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._write, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            message = self._message(end)
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def open(self, page: Path, link: str = "") -> None:
        """Load a file anew, to its load event; `link` is what follows the # of the address."""
        self.go("about:blank")
        self.go(page.resolve().as_uri() + link)

    def go(self, address: str) -> None:
        """Load an address, to its load event."""
        self.events.clear()
        loader = self.call("Page.navigate", url=address)["loaderId"]
        end = time.monotonic() + SECONDS
        # Of this page: that of the one before may still be on its way.
        while not any(_has_loaded(event, loader) for event in self.events):
            self.events.append(self._message(end))

    def run(self, script: str):
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", str(details)))
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = SECONDS):
        """Until the expression is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"never true within {seconds} s: {script}")
            time.sleep(0.02)

    def press(self, key: str, shift: bool = False) -> None:
        """A key, as a person presses it."""
        typed = "\r" if key == "Enter" else key
        for kind in ("keyDown", "keyUp"):
            text = {"text": typed} if kind == "keyDown" and len(typed) == 1 else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0, **text
            )

    def point(self, selector: str, x: float = 0.5, y: float = 0.5) -> dict:
        """Move the mouse to a part of the element's width and height; the place [CSS pixels]."""
        place = json.dumps(selector)
        self.run(f"document.querySelector({place}).scrollIntoView({{block: 'nearest'}})")
        box = self.run(f"document.querySelector({place}).getBoundingClientRect().toJSON()")
        at = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", **at)
        return at

    def click(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        """Click at a part of the element's width and height; once more where it has moved away."""
        end = time.monotonic() + SECONDS
        while True:
            at = self.point(selector, x, y)
            self.run(TAKE_AIM % json.dumps(selector))
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)
            # Where the click has led to another page, there is nobody to say that it missed.
            if self.run("window.aim ? aim.end() : true"):
                return
            if time.monotonic() > end:
                raise AssertionError(f"no click reaches {selector}: it moves, or is covered")

    def wheel(self, selector: str, delta: float, *, control: bool = False) -> None:
        """Turn the wheel over the middle of the element; negative is away from oneself."""
        at = self.point(selector)
        self.call(
            "Input.dispatchMouseEvent",
            type="mouseWheel", deltaX=0, deltaY=delta, modifiers=2 if control else 0, **at,
        )  # fmt: skip

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """What the window shows, or the whole page, as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def problems(self, server: str = "") -> list[str]:
        """Exceptions, logged errors, and requests that would have left the page.

        server: "127.0.0.1:8765", which the page may ask.
        """
        self.run("1")
        found = []
        for event in self.events:
            method, values = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(values["exceptionDetails"]))
            elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
                found.append(values["entry"]["text"])
            elif method in {"Network.requestWillBeSent", "Network.webSocketCreated"}:
                url = values.get("url") or values["request"]["url"]
                own = (f"http://{server}/", f"ws://{server}/") if server else ()
                if not url.startswith(("file:", "data:", "blob:", *own)):
                    found.append(f"request to {url}")
        return found

    def close(self) -> None:
        """End it and remove its profile."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _message(self, end: float) -> dict:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise RuntimeError("Chromium does not answer")
            block = os.read(self._read, 1 << 20)
            if not block:
                raise RuntimeError("Chromium has ended")
            self._buffer += block
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


def _has_loaded(event: dict, loader: str) -> bool:
    """Whether an event says that the page of this navigation has fired its load event."""
    values = event.get("params", {})
    return (
        event.get("method") == "Page.lifecycleEvent"
        and values["name"] == "load"
        and values["loaderId"] == loader
    )
