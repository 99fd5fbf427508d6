"""What a server of the Messages API says, as deltas."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import orjson

from agentos.domain.usage import Usage
from agentos.errors import ContentFiltered, ContextTooLong, ExecutionError, ProviderError
from agentos.models.anthropic_messages.blocks import Block, Blocks, whole_text
from agentos.models.anthropic_messages.details import BLOCKS
from agentos.models.anthropic_messages.kinds import KINDS, is_foreign, kind_of
from agentos.models.anthropic_messages.usage import Counter, bedrock_counts
from agentos.models.deltas import CUT, Delta, Finish, FinishReason, MessageDetails, ReasoningDelta, TextDelta
from agentos.models.wire import finish
from agentos.models.wire.arguments import text_of_piece
from agentos.models.wire.failures import failure_in_stream
from agentos.models.wire.halves import Halves
from agentos.models.wire.parsing import DONE, is_keep_alive, parse_tolerantly
from agentos.models.wire.server_errors import clean, describe

THINKING = ("thinking",)


class EventDecoder:
    """One answer as it grows. ``finish`` and ``usage`` are what the server said last; :meth:`end` gives the rest.

    Text and thinking are given as they come, calls whole at the end. Blocks and events of unknown types are not shown;
    blocks go back to the server with the message. ``blocks`` and ``before`` are what earlier requests of it brought.

    Raises :class:`~agentos.errors.ProviderError` for what makes no sense, and the error that the server sent in place
    of an event or as a reason to stop.
    """

    form: ClassVar[str] = "a message of the Messages API"

    def __init__(
        self, *, secrets: Iterable[str] = (), blocks: Blocks | None = None, before: Usage | None = None
    ) -> None:
        self.finish: FinishReason | None = None
        self.usage = before
        self.failed = False  # the server itself said that its answer failed
        self.done = False
        self.secrets = secrets
        self.blocks = blocks or Blocks()
        self.paused = False  # the server wants another request to go on
        self._before = before
        self._blocks_before = len(self.blocks)
        self._counter = Counter()
        self._text: Block | None = None  # the block of text that is open, and its number
        self._text_index: Any = None
        self._over_window = False
        self._explanation = ""
        self._halves: Halves | None = None
        self._parse: Callable[[bytes], Any] = orjson.loads

    def read(self, data: bytes, said: list[Delta]) -> None:
        """Add to what was said: an event of a stream, or a whole message."""
        try:
            try:
                event = self._parse(data)
            except orjson.JSONDecodeError:
                for event in self._parse_tolerantly(data):
                    self._read_event(event, said)
            else:
                self._read_event(event, said)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # The shape is the server's business until it is used: any surprise on the way means the same.
            if not is_keep_alive(data):
                raise self._surprise(data) from error

    def read_document(self, data: bytes, said: list[Delta]) -> None:
        """Read an answer that is not streamed, or one with an event on each line."""
        try:
            try:
                found = [orjson.loads(data)]
            except orjson.JSONDecodeError:
                found = self._parse_tolerantly(data)
            events = found[0] if len(found) == 1 and isinstance(found[0], list) else found
            for event in events:
                if len(events) == 1 and "content" not in event and event.get("type") not in KINDS.values():
                    self._fail_document(event)
                self._read_event(event, said)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ProviderError(f"the model server sent a document that is not {self.form}") from error
        if self.finish is None and len(events) == 1 and self.blocks:
            self.finish = "stop"

    def end(self) -> list[Delta]:
        """Return what is known only at the end: calls, blocks to return, the usage, and the finish.

        Raises :class:`~agentos.errors.ContentFiltered` where the model refused to say anything, and
        :class:`~agentos.errors.ContextTooLong` where nothing fitted behind the prompt.
        """
        assert self.finish is not None, "an answer that has not finished has no end"
        last: list[Delta] = []
        for name, half in (self._halves.rest() if self._halves is not None else {}).items():
            last.append(TextDelta(half) if name == "text" else ReasoningDelta(half))
        if self.paused:
            self.finish = "length"  # the server would have gone on, and was not asked again
        calls = self.blocks.calls(whole=self.finish not in CUT)
        if not calls:
            self._check_empty()
        elif self.finish in ("stop", "other"):
            # Gateways say "end_turn" after calls, too.
            self.finish = "tool_calls"
        last += calls
        if details := self.blocks.details() if self.blocks.fits else []:
            last.append(MessageDetails({BLOCKS: details}))
        if self.usage is not None:
            last.append(self.usage)
        last.append(Finish(self.finish))
        return last

    def _read_event(self, event: Any, said: list[Delta]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            delta = event["delta"]
            text = delta.get("text")
            if text and self._text is not None and event.get("index") == self._text_index and type(text) is str:
                # Nearly every event of nearly every answer.
                said.append(TextDelta(text))
                self._text.pieces.append(text)
            else:
                self._read_delta(event.get("index"), delta, said)
        else:
            self._read_other(kind, event, said)

    def _read_delta(self, index: Any, delta: dict[str, Any], said: list[Delta]) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta" or "partial_json" in delta:
            piece = text_of_piece(delta.get("partial_json"))
            block = self.blocks.at(index, ("tool_use", "server_tool_use", "mcp_tool_use"))
            if block is not None and piece:
                self.blocks.add_input(block, piece)
        elif kind == "thinking_delta" or "thinking" in delta:
            self._add_thought(index, self._mended("thinking", delta.get("thinking")), said)
        elif kind == "signature_delta" or "signature" in delta:
            block = self.blocks.at(index, THINKING) or self.blocks.begin(index, {"type": "thinking"})
            block.signature = whole_text(delta.get("signature")) or block.signature
            self.blocks.keep(len(block.signature))
        elif text := delta.get("text"):
            self._add_text(index, self._mended("text", text), said)

    def _read_other(self, kind: Any, event: dict[str, Any], said: list[Delta]) -> None:
        if (error := event.get("error")) and (kind == "error" or not isinstance(error, dict) or any(error.values())):
            self._fail(event)
        if kind is None:
            if is_foreign(event):
                self._fail_document(event)
            kind = kind_of(event)
            if kind == "content_block_delta":
                self._read_delta(event.get("index"), event["delta"], said)
        match kind:
            case "content_block_start":
                self._begin(event.get("index"), event["content_block"], said)
            case "content_block_stop":
                self._text = None if event.get("index") == self._text_index else self._text
                self.blocks.close(event.get("index"))
            case "message_start" | "message":
                self._read_message(event["message"] if kind == "message_start" else event, said)
            case "message_delta":
                delta = event.get("delta") or {}
                self._count(event.get("usage") or delta.get("usage"))
                self._stop(delta.get("stop_reason"), delta.get("stop_details"))
            case "message_stop":
                self._count(bedrock_counts(event))
                self.done = True
                if self.finish is None and self.blocks:
                    self.finish = "stop"  # some gateways end short answers without a reason
            case "error":
                self._fail(event)

    def _begin(self, index: Any, start: dict[str, Any], said: list[Delta]) -> None:
        block = self.blocks.begin(index, start)
        if block.kind == "text":
            self._open_text(index, block)
            self._add_text(index, self._mended("text", start.get("text") or ""), said)
            return
        if index == self._text_index:
            self._text = None
        if block.kind == "thinking":
            block.signature = whole_text(start.get("signature"))
            self._add_thought(index, self._mended("thinking", start.get("thinking") or ""), said)
        elif block.kind == "redacted_thinking" and (data := whole_text(start.get("data"))):
            said.append(ReasoningDelta("", redacted=data))

    def _read_message(self, message: dict[str, Any], said: list[Delta]) -> None:
        """Read the head of a message, or a whole one. A head that is sent again says nothing new."""
        content = () if len(self.blocks) > self._blocks_before else message.get("content") or ()
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for number, block in enumerate(content):
            self._begin(number, block, said)
            self.blocks.close(number)
            self._text = None
        self._count(message.get("usage"))
        self._stop(message.get("stop_reason"), message.get("stop_details"))

    def _add_text(self, index: Any, text: str, said: list[Delta]) -> None:
        if not text:
            return
        block = self.blocks.at(index, ("text",))
        if block is None:
            # The block did not begin, or another one is open under its number.
            block = self.blocks.begin(index, {"type": "text"})
        self._open_text(index, block)
        block.pieces.append(text)
        said.append(TextDelta(text))

    def _open_text(self, index: Any, block: Block) -> None:
        self._text, self._text_index = (block if self._halves is None else None), index

    def _add_thought(self, index: Any, text: str, said: list[Delta]) -> None:
        if not text:
            return
        block = self.blocks.at(index, THINKING) or self.blocks.begin(index, {"type": "thinking"})
        self.blocks.keep(len(text))
        if self.blocks.fits:
            block.pieces.append(text)
        said.append(ReasoningDelta(text))

    def _stop(self, reason: Any, details: Any) -> None:
        if not isinstance(reason, str) or (reason := finish.normalized(reason)) in finish.NONE:
            return
        try:
            self.finish = finish.read_reason(reason)
        except ExecutionError:
            self.failed = True
            raise
        self.paused = reason == "pause_turn"
        self._over_window = reason in finish.OVER_WINDOW
        if isinstance(details, dict):
            words = details.get("explanation") or details.get("category")
            self._explanation = clean(words, self.secrets) if isinstance(words, str) else ""

    def _count(self, usage: Any) -> None:
        counted = self._counter.read(usage)
        if counted is not None:
            self.usage = counted if self._before is None else self._before + counted

    def _check_empty(self) -> None:
        """Raise for an answer without text and calls that is no answer."""
        if self.blocks.has_text:
            # Without a call there is none to make.
            self.finish = "stop" if self.finish == "tool_calls" else self.finish
            return
        if self.finish == "content_filter":
            words = f": {self._explanation}" if self._explanation else ""
            raise ContentFiltered(f"the model refused the prompt, or a filter all of the answer{words}")
        if self._over_window:
            raise ContextTooLong("the conversation is longer than the model takes")
        if self.finish == "tool_calls":
            # A matter of chance: the same request often succeeds.
            words = "the model server said that tools are called, and named none"
            raise ProviderError(words, details={"retryable": True})

    def _fail(self, event: dict[str, Any]) -> None:
        self.failed = True
        raise failure_in_stream(event, secrets=self.secrets)

    def _fail_document(self, event: dict[str, Any]) -> None:
        """Raise the error for a document that is no message, and holds none."""
        if "choices" in event:
            self.failed = True
            raise ProviderError(
                "the model server answered with a chat completion: it speaks OpenAI's API at this address; use a"
                " provider for that, or the address of its Messages API"
            )
        if not describe(event).words:
            raise KeyError("content")
        self._fail(event)

    def _surprise(self, data: bytes) -> ExecutionError:
        """Return the error for data that is no event."""
        if not data.lstrip().startswith((b"{", b"[", b"<", b'"')) and (text := data.decode("utf-8", "replace").strip()):
            self.failed = True
            return failure_in_stream(text, secrets=self.secrets)
        # Behind a finish, it takes the answer back only if a piece of it is lost.
        self.failed = self.failed or b'"content_block' in data
        return ProviderError(f"the model server sent an event that is not of {self.form}")

    def _parse_tolerantly(self, data: bytes) -> list[Any]:
        if data.strip() in DONE:
            self.done = True
            return []
        found = parse_tolerantly(data)
        if any(not isinstance(event, dict) for event in found):
            raise TypeError("a payload is not an object")
        if self._halves is None:
            # From the first such event on, every text is looked at for half characters, and none goes the short way.
            self._halves, self._text = Halves(), None
        return found

    def _mended(self, name: str, text: Any) -> str:
        if not isinstance(text, str):
            text = text_of_piece(text)
        return text if self._halves is None else self._halves.mend(name, text)
