// How a run of which the events are gone has ended, as an event.
import { ConnectionError } from "./errors.js";
import type { RunDetail, RunEvent } from "./types.js";

export function endOf(run: RunDetail, id: number): RunEvent {
  const { run_id, agent_id, session_id } = run;
  const timestamp = run.ended_at ?? run.created_at;
  const envelope = {
    id,
    timestamp,
    run_id,
    agent_id,
    ...(session_id === null ? {} : { session_id }),
    from_record: true,
  } as const;
  switch (run.status) {
    case "completed":
      return { ...envelope, type: "complete", data: completed(run) };
    case "failed":
    case "cancelled":
      return { ...envelope, type: "error", data: { ...cancelled(run), ...run.error } };
    default:
      throw new ConnectionError(`run ${run_id} is ${run.status}, and its events did not come`);
  }
}

function completed({ content, reasoning, model, finish_reason, duration, usage, loops }: RunDetail) {
  const known = {
    output: content ?? "",
    duration: duration ?? 0,
    usage,
    token_count: 0,
    loops,
    status: "completed",
  } as const;
  return {
    ...known,
    ...(reasoning === null ? {} : { reasoning }),
    ...(model === null ? {} : { model }),
    ...(finish_reason === null ? {} : { finish_reason }),
  };
}

function cancelled({ run_id }: RunDetail) {
  return {
    error: "run cancelled",
    message: "the run was cancelled",
    code: "RUN_CANCELLED",
    details: { run_id },
  } as const;
}
