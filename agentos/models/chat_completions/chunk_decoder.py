"""What a Chat Completions server says, as deltas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

import orjson

from agentos.domain.usage import Usage
from agentos.errors import ContentFiltered, ContextTooLong, ExecutionError, ProviderError
from agentos.models.chat_completions.content import read_content, text_of
from agentos.models.chat_completions.details import MessageFields, is_thought
from agentos.models.chat_completions.tool_calls import ToolCalls
from agentos.models.deltas import CUT, Delta, Finish, FinishReason, MessageDetails, ReasoningDelta, TextDelta
from agentos.models.wire import finish
from agentos.models.wire.failures import failure_in_stream
from agentos.models.wire.halves import Halves
from agentos.models.wire.parsing import DONE, is_keep_alive, parse_tolerantly
from agentos.models.wire.server_errors import describe
from agentos.models.wire.usage import read_usage

CALLS = frozenset({"tool_calls", "function_call"})
RARE = CALLS | {"extra_content", "refusal"}


class ChunkDecoder:
    """One answer as it grows. ``finish`` and ``usage`` are what the server said last; :meth:`end` gives the rest.

    Only the first choice is read. Text and thinking are given as they come; tool calls are put together and given at
    the end, since only then is it known how the server numbers and names them. ``tools`` are the names of the tools
    that were offered.

    Raises :class:`~agentos.errors.ProviderError` for what makes no sense, and the error that the server sent in place
    of a piece or as a reason to finish.
    """

    form: ClassVar[str] = "a chat completion"

    def __init__(self, *, secrets: Iterable[str] = (), tools: Collection[str] = ()) -> None:
        self.finish: FinishReason | None = None
        self.usage: Usage | None = None
        self.failed = False  # the server itself said that its answer failed
        self.done = False  # the server marked the end in an unusual way
        self.secrets = secrets
        self._calls = ToolCalls(tools)
        self._fields = MessageFields()
        self._has_text = False
        self._has_thoughts = False
        self._whole_text = ""
        self._whole_thoughts = ""
        self._over_window = False
        self._halves: Halves | None = None
        self._parse: Callable[[bytes], Any] = orjson.loads

    def read(self, data: bytes, said: list[Delta]) -> None:
        """Add to what was said: a ``chat.completion.chunk`` of a stream, or a whole completion."""
        try:
            try:
                chunk = self._parse(data)
            except orjson.JSONDecodeError:
                for chunk in self._parse_tolerantly(data):
                    self._read_chunk(chunk, said)
            else:
                self._read_chunk(chunk, said)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # The shape is the server's business until it is used: any surprise on the way means the same.
            if not is_keep_alive(data):
                raise self._surprise(data) from error

    def read_document(self, data: bytes, said: list[Delta]) -> None:
        """Read an answer that is not streamed, or one with a JSON document on each line."""
        try:
            try:
                found = [orjson.loads(data)]
            except orjson.JSONDecodeError:
                found = parse_tolerantly(data)
            # Gemini puts its errors into a list.
            for chunk in found[0] if len(found) == 1 and isinstance(found[0], list) else found:
                self._read_chunk(Halves().join(chunk), said)
                if "choices" not in chunk and len(found) == 1:
                    if not describe(chunk).words:
                        raise KeyError("choices")
                    self._fail(chunk, [])
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ProviderError("the model server sent a document that is not a chat completion") from error
        if self.finish is None and len(found) == 1 and (said or self._calls):
            self.finish = "tool_calls" if self._calls else "stop"

    def end(self) -> list[Delta]:
        """Return what is known only at the end: calls, fields to return, the usage, and the finish.

        Raises :class:`~agentos.errors.ContentFiltered` where a filter left nothing to say.
        """
        assert self.finish is not None, "an answer that has not finished has no end"
        last: list[Delta] = []
        for name, half in (self._halves.rest() if self._halves is not None else {}).items():
            last.append(TextDelta(half) if name in ("content", "refusal", "text") else ReasoningDelta(half))
        has_text = self._has_text or bool(self._whole_text)
        calls = self._calls.deltas()
        if not (has_text or calls):
            if self.finish == "content_filter":
                raise ContentFiltered("the provider's content filter refused the prompt, or all of the answer")
            if self._over_window:
                raise ContextTooLong("the conversation is longer than the model takes")
        last += calls
        if fields := self._fields.fields(with_calls=bool(calls)):
            last.append(MessageDetails(fields))
        if self.usage is not None:
            last.append(self.usage)
        last.append(Finish(self.finish))
        return last

    def _read_chunk(self, chunk: Any, said: list[Delta]) -> None:
        if (error := chunk.get("error")) and (not isinstance(error, dict) or any(error.values())):
            self._fail(chunk, said)
        if usage := chunk.get("usage"):
            self.usage = read_usage(usage, self.usage)
        choices = chunk.get("choices")
        if not choices:
            self._read_without_choices(chunk)
            return
        for choice in choices:
            if not choice.get("index") or choice["index"] == "0":
                self._read_choice(choice, said)

    def _read_choice(self, choice: dict[str, Any], said: list[Delta]) -> None:
        delta = choice.get("delta")
        if delta:
            text = delta.get("content")
            if type(text) is str and text and (len(delta) == 1 or (len(delta) == 2 and "role" in delta)):
                # Nearly every piece of nearly every answer.
                said.append(TextDelta(text))
                self._has_text = True
            else:
                self._read_delta(delta, said)
        reason = choice.get("finish_reason")
        if reason or not delta:
            self._read_rest(choice, reason, said)

    def _read_delta(self, delta: dict[str, Any], said: list[Delta]) -> None:
        thought = delta.get("reasoning_content")
        if thought:
            if type(thought) is not str:
                thought = text_of(thought)
            self._fields.add_thought(thought)
        elif thought := delta.get("reasoning") or delta.get("reasoning_text") or delta.get("thinking"):
            thought = text_of(thought)
        if details := delta.get("reasoning_details"):
            words = self._fields.add_details(details)
            thought = thought or words
        if thought:
            said.append(ReasoningDelta(thought))
            self._has_thoughts = True
        if RARE.isdisjoint(delta):
            if content := delta.get("content"):
                self._read_content(content, said)
        else:
            self._read_rare(delta, said)

    def _read_rare(self, delta: dict[str, Any], said: list[Delta]) -> None:
        content = delta.get("content")
        if extra := delta.get("extra_content"):
            self._fields.add_extra(extra)
            if is_thought(extra) and isinstance(content, str):
                # Gemini marks its thinking so, and puts it into the content.
                words, content = content.removeprefix("<thought>").removesuffix("</thought>"), None
                said += [ReasoningDelta(words)] if words else []
        for value in (content, delta.get("refusal")):
            if value:
                self._read_content(value, said)
        if calls := delta.get("tool_calls"):
            for piece in calls if isinstance(calls, list) else [calls]:
                self._calls.read(piece)
        if call := delta.get("function_call"):
            self._calls.read({"function": call})

    def _read_content(self, content: Any, said: list[Delta]) -> None:
        before = len(said)
        read_content(content, said)
        for one in said[before:]:
            if isinstance(one, TextDelta):
                self._has_text = True
            else:
                self._has_thoughts = True

    def _read_rest(self, choice: dict[str, Any], reason: Any, said: list[Delta]) -> None:
        """Read what is not in every piece: a whole message, legacy text, an error, late usage, the reason to finish."""
        before = len(said)
        if message := choice.get("message"):
            self._read_message(message, said)
        elif not choice.get("delta") and (text := choice.get("text")):
            read_content(text, said)
            self._has_text = True
        if usage := choice.get("usage"):
            # Kimi counts beside the last piece.
            self.usage = read_usage(usage, self.usage)
        if error := choice.get("error"):
            self.failed = True
            raise failure_in_stream(error, secrets=self.secrets)
        if reason:
            delta = choice.get("delta") or {}
            anew = len(said) > before or any(value for key, value in delta.items() if key != "role")
            self._finish(finish.normalized(reason), anew=anew)

    def _read_message(self, message: dict[str, Any], said: list[Delta]) -> None:
        """Read a whole message: of a completion that is not streamed, or of a piece that has the answer so far."""
        found: list[Delta] = []
        calls = message.get("tool_calls") or ()
        others = {key: value for key, value in message.items() if key not in CALLS}
        if self._has_thoughts:
            # They came in pieces already, and so did the fields to return.
            for key in ("reasoning_content", "reasoning_details"):
                others.pop(key, None)
        had = self._has_text, self._has_thoughts
        self._read_delta(others, found)
        self._has_text, self._has_thoughts = had
        text = "".join(one.text for one in found if isinstance(one, TextDelta))
        thoughts = "".join(one.text for one in found if isinstance(one, ReasoningDelta))
        if thoughts and not self._has_thoughts:
            self._whole_thoughts, new = _grown(self._whole_thoughts, thoughts)
            said += [ReasoningDelta(new)] if new else []
        if text and not self._has_text:
            self._whole_text, new = _grown(self._whole_text, text)
            said += [TextDelta(new)] if new else []
        if call := message.get("function_call"):
            calls = [*calls, {"function": call}]
        self._calls.read_again([calls] if isinstance(calls, dict) else list(calls))

    def _finish(self, reason: str, *, anew: bool) -> None:
        if reason in finish.NONE:
            return
        try:
            known = finish.read_reason(reason)
        except ExecutionError:
            self.failed = True
            raise
        if self._calls and known in ("stop", "other"):
            # Some servers, and OpenAI itself where the agent asked for one tool by name, say "stop" after tool calls.
            known = "tool_calls"
        # Servers that repeat a reason in a last, empty piece do not always repeat the real one.
        if self.finish not in CUT or anew or known in CUT:
            self.finish = known
            self._over_window = reason in finish.OVER_WINDOW

    def _read_without_choices(self, chunk: dict[str, Any]) -> None:
        base = chunk.get("base_resp")
        failed_there = isinstance(base, dict) and base.get("status_code") not in (None, 0)
        words = chunk.get("message") or chunk.get("msg") or chunk.get("detail") or chunk.get("errors")
        named = "code" in chunk or "status" in chunk or "detail" in chunk or "errors" in chunk
        is_error = "error" in (str(chunk.get("object")).lower(), str(chunk.get("type")).lower())
        if failed_there or is_error or (words and named and "choices" not in chunk):
            self._fail({"error": base} if failed_there else chunk, [])

    def _fail(self, chunk: dict[str, Any], said: list[Delta]) -> None:
        """Raise the error that a piece holds, after reading the text beside it."""
        self.failed = True
        choices = chunk.get("choices")
        delta = choices[0].get("delta") if isinstance(choices, list) and choices else None
        if isinstance(delta, dict) and isinstance(text := delta.get("content"), str) and text:
            said.append(TextDelta(text))
        raise failure_in_stream(chunk, secrets=self.secrets)

    def _surprise(self, data: bytes) -> ExecutionError:
        """Return the error for a payload that is no piece of an answer."""
        if not data.lstrip().startswith((b"{", b"[", b"<", b'"')) and (text := data.decode("utf-8", "replace").strip()):
            self.failed = True
            return failure_in_stream(text, secrets=self.secrets)
        # Behind a finish, it takes the answer back only if a piece of it is lost.
        self.failed = self.failed or b'"delta"' in data
        return ProviderError("the model server sent a piece that is not a chat completion")

    def _parse_tolerantly(self, data: bytes) -> list[Any]:
        if data.strip() in DONE:
            self.done = True
            return []
        found = parse_tolerantly(data)
        if any(not isinstance(chunk, dict) for chunk in found):
            raise TypeError("a payload is not an object")
        if self._halves is None:
            # From the first such payload on, every piece is looked at for half characters. Until then none is.
            self._halves = halves = Halves()
            self._parse = lambda data: halves.join(orjson.loads(data))
        return [self._halves.join(chunk) for chunk in found]


def _grown(known: str, text: str) -> tuple[str, str]:
    """Return all that was said, and what of it is new, where each piece may hold the whole answer so far."""
    return (text, text[len(known) :]) if text.startswith(known) else (known + text, text)
