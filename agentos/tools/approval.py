"""Which calls of a tool a person has to approve first, and on which terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from agentos.domain.message import ToolCall
from agentos.domain.pending import Approver, OnExpiry, Pending
from agentos.tools.context import ToolContext

When = Callable[[ToolCall, ToolContext], bool | str | Pending | None]
"""Says whether one call has to be approved. A text is the message for the approver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Has a person approve calls of a tool: ``@tool(approval=Approval(when=…))``.

    ``when`` is ``True`` for every call, or a function that is given the call and its :class:`~agentos.ToolContext`, and
    returns whether a person is asked. A text that it returns is the message; a :class:`~agentos.Pending` has its own
    terms, of which the stricter ones hold. The call's ``parsed_arguments`` fit the schema of the tool. What the model
    left out is not in them, so use ``.get`` with the default of the function. If it raises, the call is not made. It is
    asked again after the approval, with the arguments that will run, so it must do nothing that must not happen twice.

    The other fields are those of :class:`~agentos.Pending`.

    >>> Approval(when=lambda call, context: call.parsed_arguments["amount"] > 100, approver="other").approver
    'other'

    Raises ``TypeError`` or ``ValueError`` for values that cannot be right.
    """

    when: bool | When = True
    approver: Approver = "owner"
    message: str = ""
    expires_in: float | None = None
    on_expiry: OnExpiry = "reject"
    remember: bool = False

    def __post_init__(self) -> None:
        if self.when is not True and not callable(self.when):
            raise TypeError(f"when is {self.when!r:.100}; accepted: True, or a function of a call and its context")
        self.pending()

    def pending(self) -> Pending:
        """Return its terms; raise as :class:`~agentos.Pending` does."""
        return Pending(
            self.message,
            approver=self.approver,
            expires_in=self.expires_in,
            on_expiry=self.on_expiry,
            remember=self.remember,
        )

    @classmethod
    def of(cls, given: bool | When | Approval, *, remember: bool = False) -> Approval | None:
        """Return what a tool's ``approval`` stands for; ``None`` where it needs none.

        Raises ``TypeError`` for what it cannot be, and for ``remember`` without an approval.
        """
        if given is False:
            if remember:
                raise TypeError("remember=True is accepted with an approval only, as in approval=True, remember=True")
            return None
        if isinstance(given, Approval):
            return replace(given, remember=True) if remember else given
        if isinstance(given, type) or (given is not True and not callable(given)):
            raise TypeError(f"approval is {given!r:.100}; accepted: True, False, a function, or an Approval")
        return cls(when=given, remember=remember)
