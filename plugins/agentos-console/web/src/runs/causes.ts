// Why runs fail, in words. A cause that is not known here stays as it is.

const CAUSES: Readonly<Record<string, string>> = {
  AGENT_FAILED: 'The agent itself failed.',
  CONTEXT_TOO_LONG: 'The conversation is too long for the model, even shortened.',
  CONTENT_FILTERED: 'The provider refused what the model was asked.',
  PROVIDER_ERROR: 'The provider of the model answered with an error.',
  PROVIDER_UNAVAILABLE: 'The provider of the model could not be reached, or is overloaded.',
  PROVIDER_RATE_LIMITED: 'The provider of the model takes no more requests for now.',
  QUOTA_EXHAUSTED: "The account at the model's provider has no credit left.",
  TIMEOUT: 'It took longer than it may.',
  TURN_LIMIT: 'The model called tools again and again, until it had used all its turns.',
  WORKER_LOST: 'The worker that executed it was lost.',
  RUN_CANCELLED: 'It was cancelled.',
  PENDING_EXPIRED: 'It was not answered in time.',
}

/** A cause in words, for people; undefined where there are none. */
export const causeText = (cause: string | undefined): string | undefined =>
  cause === undefined ? undefined : CAUSES[cause]

const FINISHES: Readonly<Record<string, string>> = {
  stop: 'the answer is whole',
  length: 'the output limit cut the answer',
  tool_calls: 'it called tools',
  content_filter: "the provider's filter cut the answer",
  other: 'a reason that is not known',
}

/** Why a model stopped, in words. */
export const finishText = (reason: string): string => FINISHES[reason] ?? reason
