"""A framework that interrupts its agents for approvals; ``bank_adapter.py`` makes them agents of the server."""


class Clerk:
    """Transfers 500 if it may."""


clerk = Clerk()
