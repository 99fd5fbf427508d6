"""Whether a run that a worker has claimed is executed there, and with which agent."""

from __future__ import annotations

import logging

from agentos.errors import AgentFailed, AgentOSError, WorkerLost
from agentos.execution.preparation import Prepare, Prepared
from agentos.storage.admission import Admission

GONE = "the worker that executed the run is gone; what it had written was kept"

logger = logging.getLogger(__name__)


def prepare_claimed(admission: Admission, prepare: Prepare, *, max_attempts: int) -> Prepared | AgentOSError:
    """Return what is needed to execute a claimed run, or the error with which it has to end.

    A run whose worker was lost while it executed may have done half of what it does. Only an agent with
    ``retry_on_crash`` may go on then, and only while fewer than ``max_attempts`` workers were lost with it.
    """
    run = admission.run
    try:
        prepared = prepare(run)
    except AgentOSError as error:
        return WorkerLost(GONE) if admission.crashed else error
    except Exception:  # what makes an agent may be other people's code
        logger.exception("the agent of a run could not be made", extra={"run_id": run.id, "agent_id": run.agent_id})
        return AgentFailed(f"agent {run.agent_id!r} cannot run; the server's log has the reason")
    if admission.crashed and not (prepared.limits.durable and run.crashes < max_attempts):
        return WorkerLost(GONE)
    unknown = sorted({name for checkpoint in admission.checkpoints for name in checkpoint.unknown})
    if unknown:
        return AgentFailed(
            f"a newer version of AgentOS has saved {', '.join(unknown)} of the run, and this one cannot go on with it;"
            " run that version or a newer one"
        )
    return prepared
