from agentos import Denied, RateLimited, hookimpl


@hookimpl
def before_run(request, agent):
    if "password" in request.input:
        return Denied("passwords must not be sent to an agent")
    if request.caller.owner == "late-payer":
        reason = "the budget of this month is used up"
        return Denied(reason, error=RateLimited(reason, retry_after=86400))
    return None
