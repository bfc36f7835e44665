# SPDX-License-Identifier: Apache-2.0
"""One plain sentence for each input."""

from made_report import endings, made


def sentences(report):
    return {answer.input: (answer.verdict, answer.sentence) for answer in report.answers}


def test_an_input_that_moves_the_chunk_more_than_the_floor_is_used():
    verdict, sentence = sentences(made({"left:other": 0.5}))["left"]
    assert verdict == "yes"
    assert sentence == (
        "Does the policy use the left camera? Yes: with its picture replaced by another frame's, "
        "the chunk moves by 50 mm in lift and 0.48 rad in pan in the median. That is 5.0 times "
        "what it changes from one frame to the next anyway, and 25% of what replacing every input "
        "does."
    )


def test_one_that_moves_it_less_is_hardly_used():
    verdict, sentence = sentences(made({"right:other": 0.05}))["right"]
    assert verdict == "hardly"
    assert "Hardly: with its picture replaced" in sentence
    assert "0.50 times what it changes from one frame to the next anyway" in sentence


def test_one_that_never_moves_it_is_not_used():
    report = made({"left:other": 0.0, "left:blur": 1e-7, "left:mean": 0.0})
    verdict, sentence = sentences(report)["left"]
    assert verdict == "no"
    assert sentence == (
        "Does the policy use the left camera? No: with its picture replaced by another frame's, "
        "the chunk does not move."
    )


def test_one_that_makes_most_of_what_all_inputs_make_is_used_whatever_the_floor():
    verdict, sentence = sentences(made({"state:other": 1.5}, floor=1.6))["state"]
    assert verdict == "yes"
    assert "75% of what replacing every input does, which decides here." in sentence


def test_a_strange_picture_that_moves_it_is_told_as_such():
    verdict, sentence = sentences(made({"left:other": 0.05, "left:blur": 0.8}))["left"]
    assert verdict == "hardly"
    assert sentence.endswith(
        " Blurred, it does move the chunk, though the strangeness of that may do it."
    )


def test_the_first_replacement_that_was_made_decides():
    report = made({"state:mean": 0.9}, why_not={"state:other": "there is only one frame"})
    verdict, sentence = sentences(report)["state"]
    assert verdict == "yes"
    assert "Does the policy use the joint state? Yes: with it replaced by its mean" in sentence


def test_an_input_of_which_nothing_can_be_replaced_says_why():
    report = made({}, why_not={"left:other": "there is only one frame"})
    assert sentences(report)["left"] == (
        "unknown",
        "Does the policy use the left camera? Not measured: there is only one frame.",
    )


def test_noise_that_cannot_be_held_is_the_floor_where_it_is_larger():
    verdict, sentence = sentences(made({"words:empty": 0.2}, noise="anew"))["words"]
    assert verdict == "hardly"
    assert "Does the policy use its words? Hardly: with them taken away" in sentence
    assert "0.67 times what the policy's own noise changes" in sentence


def test_noise_that_cannot_be_held_makes_no_input_one_that_is_used():
    verdict, _ = sentences(made({"words:empty": 1.9}, floor=2.0, noise="anew"))["words"]
    assert verdict != "yes"


def test_what_the_simulator_said_is_added():
    drove = endings(intact=6, cameras_other=1)
    _, sentence = sentences(made({"cameras:other": 1.0}, drove=drove))["cameras"]
    assert sentence.startswith("Does the policy use its cameras, all of them together? Yes:")
    assert sentence.endswith(
        " Driven so in the simulator (replaced by another frame's), it reaches 1 of 6 cubes "
        "instead of 6."
    )
