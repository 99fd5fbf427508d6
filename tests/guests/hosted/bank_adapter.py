"""The adapter of ``bank_framework``."""

from agentos_guest import Action, Adapter, Pause
from bank_framework import Clerk


class BankAdapter(Adapter):
    name = "bank"

    def accepts(self, target):
        return isinstance(target, Clerk)

    async def stream(self, target, run):
        if not run.resumed:
            yield "asking. "
            asked = Action("k1", "approval", "call_1", "transfer", {"amount": 500}, message="more than 100")
            raise Pause([asked], {"step": 1, "text": "\0 é"})
        (answer,) = run.answers
        same = run.saved == {"step": 1, "text": "\0 é"}
        yield f"{answer.approved} {answer.arguments} {answer.message!r} {same}"


ADAPTER = BankAdapter()
