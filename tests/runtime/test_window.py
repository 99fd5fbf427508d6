"""The bound on what of a session's history a model is given."""

from base64 import b64encode
from dataclasses import replace

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.runtime.window import fit


class Kept:
    """A storage of attachments that knows what was read from it."""

    def __init__(self):
        self.read_sizes = []
        self.gone = set()

    def read(self, media):
        if media.reference in self.gone:
            return None
        if media.reference is None:
            return media
        self.read_sizes.append(media.size)
        return replace(media, data=b64encode(bytes(media.size)).decode())


def picture(size, name=None):
    return Media("image", content_type="image/png", size=size, reference=f"r{size}{name}", name=name)


def turn(text, *media, answer=""):
    return [Message("user", text, media=media), Message("assistant", answer)]


def shown(messages):
    return [(one.content, [media.name for media in one.media]) for one in messages if one.role == "user"]


@pytest.mark.parametrize(
    ("most", "history", "expected"),
    [
        # texts
        (10, turn("12345") + turn("6789"), ["12345", "6789"]),
        (9, turn("12345") + turn("6789"), ["12345", "6789"]),
        (8, turn("12345") + turn("6789"), ["6789"]),
        (3, turn("12345") + turn("6789"), []),
        (8, turn("1") + turn("2345678") + turn("9"), ["2345678", "9"]),
        (5, turn("é") + turn("é") + turn("é"), ["é", "é"]),
        (5, turn("1", answer="2345") + turn("6"), ["6"]),
        (6, turn("1") + turn("\ud800") + turn("2"), ["1", "\ud800", "2"]),
        (0, [], []),
        # A history that does not begin with a user is a turn too.
        (5, [Message("assistant", "12345"), *turn("6")], ["6"]),
    ],
)
def test_the_last_whole_turns_are_kept_whose_texts_fit(most, history, expected):
    kept = fit(history, most=most, read=Kept().read)
    assert [one.content for one in kept if one.role == "user"] == expected


def test_a_tool_call_is_never_split_from_its_result_and_its_arguments_count():
    call = ToolCall("c", "add", "x" * 50)
    history = [
        *turn("first"),
        Message("user", "second"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "result", tool_call_id="c"),
        Message("assistant", "done"),
    ]
    for most in range(120):
        kept = fit(history, most=most, read=Kept().read)
        assert len(kept) in (0, 4, 6)
        assert (len(kept) >= 4) == (most >= 66)


@pytest.mark.parametrize(
    ("most", "pictures", "kept"),
    [
        (100, [(40, "a"), (40, "b")], ["a", "b"]),
        (79, [(40, "a"), (40, "b")], ["b"]),
        (39, [(40, "a"), (40, "b")], []),
        # The newest first; one that is too large does not keep older ones out.
        (50, [(30, "a"), (60, "b"), (20, "c")], ["a", "c"]),
    ],
)
def test_the_newest_attachments_that_fit_are_kept_and_a_line_replaces_the_others(most, pictures, kept):
    storage = Kept()
    history = [message for size, name in pictures for message in turn("", picture(size, name))]
    fitted = fit(history, most=most, read=storage.read)
    expected = [("", [name]) if name in kept else (_left_out(name), []) for _, name in pictures]
    assert shown(fitted) == expected
    assert sum(storage.read_sizes) == sum(size for size, name in pictures if name in kept)
    assert all(media.data for message in fitted for media in message.media)


def _left_out(name):
    return f"\n(attachment no longer shown: image {name})"


def test_texts_come_before_attachments():
    history = turn("x" * 60) + turn("y", picture(50, "a"))
    assert shown(fit(history, most=100, read=Kept().read)) == [("x" * 60, []), ("y" + _left_out("a"), [])]


def test_several_attachments_of_a_message_are_each_kept_or_named():
    address = Media("image", url="https://example.com/x.png", name="far")
    message = Message("user", "look", media=(picture(10, "a"), address, picture(90, "b"), picture(10, None)))
    (fitted,) = fit([message], most=24, read=Kept().read)
    assert [media.name for media in fitted.media] == ["a", "far", None]
    assert fitted.content == "look\n(attachment no longer shown: image b)"


def test_an_attachment_without_a_name_is_named_by_its_type():
    (fitted,) = fit([Message("user", "", media=(picture(10),))], most=9, read=Kept().read)
    assert fitted.content == "\n(attachment no longer shown: image)"


def test_an_attachment_that_was_deleted_meanwhile_is_named():
    storage = Kept()
    storage.gone.add("r10a")
    (fitted,) = fit([Message("user", "look", media=(picture(10, "a"),))], most=99, read=storage.read)
    assert (fitted.content, fitted.media) == ("look" + _left_out("a"), ())


def test_what_a_provider_wants_to_see_again_counts():
    thought = {"blocks": [{"type": "thinking", "thinking": "x" * 1000}]}
    call = ToolCall("call_1", "add", "{}", {"extra_content": "x" * 1000})
    history = [
        *turn("first")[:1],
        Message("assistant", "a", provider="claude", provider_details=thought),
        *turn("second")[:1],
        Message("assistant", tool_calls=(call,), provider="gemini"),
        Message("tool", "1", tool_call_id="call_1"),
    ]
    assert shown(fit(history, most=2500, read=Kept().read)) == [("first", []), ("second", [])]
    assert shown(fit(history, most=2000, read=Kept().read)) == [("second", [])]
    assert fit(history, most=1000, read=Kept().read) == []
