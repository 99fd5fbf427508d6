from agentos import Principal, Unauthenticated, hookimpl

OWNERS = {"letmein": "acme"}


class Badges:
    """Knows callers by the header ``X-Badge``."""

    def authenticate(self, credentials):
        badge = credentials.headers.get("x-badge")
        if badge is None:
            return None
        if badge not in OWNERS:
            raise Unauthenticated("this badge is not valid")
        return Principal(id=f"badge:{OWNERS[badge]}", owner=OWNERS[badge], scopes=["agents:run"])


@hookimpl
def register_authenticators(register):
    register("badge", lambda config, storage: Badges())
