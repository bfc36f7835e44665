# SPDX-License-Identifier: Apache-2.0
"""The page as people use it, in Chromium, at the size of a desktop and of a phone."""

import threading
import time

import pytest

SIZES = {"desktop": (1500, 950), "phone": (390, 844)}
TEXT = "document.getElementById('{}').textContent"


def text(browser, name):
    return browser.run(TEXT.format(name))


def grey(browser, camera="top"):
    """The middle of a camera's picture; -1 where there is none yet."""
    return browser.run(
        f"(() => {{ const c = document.querySelector('canvas[data-camera={camera}]');"
        "return c ? c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0] : -1;"
        "})()"
    )


def press(browser, name):
    """Click the element of this id, as soon as it can be."""
    browser.wait(f"!document.getElementById('{name}').disabled")
    browser.click(f"#{name}")


def say_yes(browser):
    browser.wait("document.getElementById('ask').open")
    browser.click("#yes")


@pytest.fixture(params=SIZES)
def page(request, serving, browse):
    """A served page that shows a tick, its browser and its robot."""
    served = serving()
    browser = browse(served.address, *SIZES[request.param])
    browser.wait("document.querySelectorAll('#choices [data-head]').length == 9")
    served.do(served.robot.tick)
    browser.wait("document.querySelectorAll('#cameras canvas').length == 2")
    yield browser, served
    assert browser.problems(f"127.0.0.1:{served.port}") == []


def test_a_click_on_a_head_changes_the_picture(page):
    browser, served = page
    assert abs(grey(browser) - 40) <= 4
    browser.click("[data-head='3']")
    browser.wait("document.querySelector(\"[data-head='3']\").ariaPressed == 'true'")
    browser.wait("document.querySelector('canvas[data-camera=top]').dataset.drawn >= 2")
    assert abs(grey(browser) - 140) <= 4
    assert served.robot.asked == [("show", {"attention_head": "3"})]


def test_everything_is_chosen_by_click_and_a_refusal_is_shown(page):
    browser, served = page

    def click(label):
        """The choice that is called so."""
        every = "[...document.querySelectorAll('#choices button')]"
        named = f"{every}.find((b) => b.textContent == '{label}')"
        browser.wait(f"{named} !== undefined")
        browser.run(f"{named}.click()")

    def until(expected):
        """It was asked for, and is shown."""
        for _ in range(2000):
            if served.robot.asked[-1:] == [("show", expected)]:
                break
            time.sleep(0.02)
        else:
            raise AssertionError(f"{served.robot.asked[-1:]} is not {expected}")
        # The page has made its choices anew by then, and others do not go into old ones.
        number = served.do(lambda: served.robot.number)
        browser.wait(f"document.getElementById('now').dataset.tick == {number}")

    anew = {"attention_layer": -1, "attention_head": "mean", "attention_query": "mean"}
    click("encoder")
    until({"attention_method": "encoder_attention", **anew})
    layers = "#choices fieldset[data-name=layer] button"
    browser.wait(f"document.querySelectorAll('{layers}').length == 4")
    browser.click(f"{layers}:nth-child(2)")
    until({"attention_layer": 1})
    browser.click("#choices .strip", x=0.5005)
    until({"attention_query": "301"})
    browser.click("#choices fieldset[data-name=scale] button:nth-child(3)")
    until({"overlay_scale": "uniform"})
    click("contribution")
    until({"attention_method": "contribution", **anew})
    click("gripper")
    until({"contribution_target": "gripper"})
    browser.wait("document.querySelector('#choices .strip') !== null")
    browser.click("#choices .strip", x=0.52)
    until({"contribution_target": "gripper[10]"})
    click("cross attention")
    browser.wait("document.querySelector('[data-head]') !== null")
    browser.click("[data-head='7']")
    browser.wait("document.getElementById('notice').textContent.includes('head 7 is refused')")
    browser.click("#notice button")


def test_nothing_moves_the_robot_unasked_and_disabling_asks_nothing(page):
    browser, served = page
    assert browser.run("document.getElementById('enable').disabled")
    press(browser, "hold")
    browser.wait(TEXT.format("holding") + " == 'This page holds the robot.'")
    press(browser, "enable")
    browser.wait("document.getElementById('ask').open")
    browser.click("#no")
    press(browser, "enable")
    browser.wait("document.getElementById('ask').open")
    assert served.robot.asked == []
    browser.press("Escape")  # disables, and takes the question back
    browser.wait("!document.getElementById('ask').open")
    browser.wait("document.getElementById('notice').textContent.includes('Disabled')")
    assert served.robot.asked == [("enable", False)]
    press(browser, "enable")
    browser.wait("document.getElementById('ask').open")
    browser.click("#disable")  # in reach while the question is asked
    browser.wait("!document.getElementById('ask').open")
    press(browser, "enable")
    say_yes(browser)
    browser.wait("document.getElementById('state').dataset.state == 'running'")
    browser.run("document.activeElement.blur()")
    browser.press(" ")
    browser.wait("document.getElementById('state').dataset.state == 'disabled'")
    assert served.robot.asked[1:] == [("enable", False), ("enable", True), ("enable", False)]


def test_an_instruction_is_typed_and_told_after_asking(page):
    browser, served = page
    press(browser, "hold")
    browser.wait("!document.getElementById('instruction').disabled")
    browser.click("#instruction")
    browser.call("Input.insertText", text="reach the blue cube")
    browser.press(" ")  # a space in a field is a space
    browser.press("Enter")
    browser.wait("document.getElementById('ask').open")
    assert "reach the blue cube" in text(browser, "ask-words")
    assert served.robot.asked == []
    browser.click("#yes")
    browser.wait("document.getElementById('notice').textContent.includes('told')")
    assert served.robot.asked == [("say", "reach the blue cube")]


def test_a_recording_is_begun_and_ended(page):
    browser, served = page
    press(browser, "hold")
    press(browser, "record")
    say_yes(browser)
    browser.wait("document.getElementById('record').textContent == 'End recording'")
    press(browser, "record")
    browser.wait("document.getElementById('record').textContent == 'Record …'")
    assert served.robot.asked == [("record", True), ("record", False)]


def test_nothing_is_wider_than_the_screen_and_the_button_is_always_in_reach(page):
    browser, _ = page
    wide = browser.run("document.documentElement.scrollWidth")
    assert wide in {size[0] - bar for size in SIZES.values() for bar in (0, 15)}
    for where in ("0", "document.body.scrollHeight"):
        browser.run(f"scrollTo(0, {where})")
        box = browser.run("document.getElementById('disable').getBoundingClientRect().toJSON()")
        assert box["top"] >= 0
        assert box["bottom"] <= browser.run("innerHeight")
        middle = f"{box['left'] + box['width'] / 2}, {box['top'] + box['height'] / 2}"
        assert browser.run(f"document.elementFromPoint({middle}).closest('button').id") == "disable"
    unnamed = browser.run(
        "[...document.querySelectorAll('button, input, canvas')].filter((e) => !(e.ariaLabel"
        " || e.textContent.trim() || e.title || e.labels?.length || e.ariaHidden)).length"
    )
    assert unnamed == 0


def test_a_notice_moves_no_button_and_leaves_the_page_in_sight(page):
    """Somebody may be about to press one."""
    browser, _ = page
    # An answer comes in one task of the page, so that nothing else moves meanwhile.
    before, after, share = browser.run(
        "(() => {"
        "const places = () => JSON.stringify([...document.querySelectorAll('main button')].map("
        "(e) => e.getBoundingClientRect()));"
        "const notice = document.getElementById('notice');"
        "const before = places();"
        "notice.querySelector('p').textContent = 'It is refused, and this is why. '.repeat(200);"
        "notice.hidden = false;"
        "return [before, places(), notice.getBoundingClientRect().height / innerHeight];"
        "})()"
    )
    assert before == after
    assert 0.2 < share < 0.5


def test_texts_from_outside_are_texts(page):
    browser, _ = page
    browser.wait("document.querySelectorAll('#words span').length == 2")
    assert browser.run("document.querySelectorAll('#words b').length") == 0
    assert "<b>it</b>" in text(browser, "words")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_is_dark_or_light_as_the_system_is_unless_told(serving, browse, scheme):
    served = serving()
    browser = browse(served.address, scheme=scheme)
    assert browser.run("document.documentElement.dataset.theme") == scheme
    browser.press("t")
    assert browser.run("document.documentElement.dataset.theme") != scheme


def test_the_token_leaves_the_address_and_lasts_over_a_reload(serving, browse):
    served = serving()
    browser = browse(served.address)
    browser.wait("!document.getElementById('hold').disabled")
    assert browser.run("location.href") == served.url
    browser.go(served.url)
    browser.wait("!document.getElementById('hold').disabled")


def test_a_second_page_disables_what_the_first_has_enabled(serving, browse):
    served = serving()
    one = browse(served.address)
    other = browse(served.url, *SIZES["phone"])  # it has no token
    press(one, "hold")
    press(one, "enable")
    say_yes(one)
    other.wait("document.getElementById('state').dataset.state == 'running'")
    assert other.run("document.getElementById('hold').disabled")
    other.click("#disable")
    for browser in (one, other):
        browser.wait("document.getElementById('state').dataset.state == 'disabled'")
    one.wait("document.getElementById('notice').textContent.includes('disabled by a page at')")
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_a_second_page_takes_the_robot_only_after_asking(serving, browse):
    served = serving()
    one, other = browse(served.address), browse(served.address)
    press(one, "hold")
    one.wait(TEXT.format("holding") + " == 'This page holds the robot.'")
    other.wait("document.getElementById('hold').textContent == 'Take the robot …'")
    press(other, "hold")
    other.wait("document.getElementById('ask').open")
    assert "Take the robot from a page at 127.0.0.1" in text(other, "ask-words")
    assert one.run(TEXT.format("holding")) == "This page holds the robot."
    other.click("#yes")
    other.wait(TEXT.format("holding") + " == 'This page holds the robot.'")
    one.wait(TEXT.format("holding") + ".startsWith('Held by')")


def test_a_page_left_open_over_a_restart_looks_on_and_says_what_it_may(serving, browse):
    served = serving()
    browser = browse(served.address)
    press(browser, "hold")
    press(browser, "enable")
    say_yes(browser)
    browser.wait("document.getElementById('state').dataset.state == 'running'")
    served.stop()
    browser.wait("document.getElementById('state').dataset.state == 'lost'")
    browser.click("#disable")
    browser.wait("document.getElementById('notice').textContent.includes('NOT disabled')")
    served.token = "of another start"
    served.start()
    browser.wait("document.getElementById('state').dataset.state == 'disabled'")
    browser.wait(TEXT.format("holding") + ".includes('printed at its start')")
    assert browser.run("document.getElementById('enable').disabled")
    served.do(served.robot.tick)
    browser.wait("document.querySelectorAll('#cameras canvas').length == 2")
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_a_flooding_page_is_told_why_and_comes_back_when_asked(serving, browse):
    served = serving()
    browser = browse(served.address)
    browser.wait("!document.getElementById('hold').disabled")
    flood = "for (let k = 0; k < 3000; k++) document.dispatchEvent(new Event('visibilitychange'))"
    browser.run(flood)
    browser.wait("document.getElementById('state').textContent.includes('too many messages')")
    browser.run("[...document.querySelectorAll('#notice button')].at(-1).click()")
    browser.wait("!document.getElementById('hold').disabled")


def test_a_line_that_is_silent_is_lost_and_disabling_by_it_is_not_confirmed(serving, browse):
    served = serving()
    browser = browse(served.address)
    press(browser, "hold")
    browser.wait("document.getElementById('holding').textContent.startsWith('This page holds')")
    # All that it says, however soon it says something else.
    browser.run(
        "(() => { const notice = document.getElementById('notice'); window.notices = [];"
        "new MutationObserver(() => window.notices.push(notice.textContent))"
        ".observe(notice, {childList: true, subtree: true, characterData: true}); })()"
    )
    goes_on = threading.Event()
    # Nothing is closed: as where a network has gone.
    served.loop.call_soon_threadsafe(goes_on.wait, 60)
    try:
        press(browser, "disable")
        browser.wait("window.notices.some((words) => words.includes('NOT confirmed yet'))")
        browser.wait(f"{TEXT.format('notice')}.includes('NOT disabled: the connection was lost')")
        assert "the server is silent" in text(browser, "state")
    finally:
        goes_on.set()
    browser.wait("document.getElementById('state').dataset.state != 'lost'")
    browser.wait("document.getElementById('holding').textContent.startsWith('This page holds')")
