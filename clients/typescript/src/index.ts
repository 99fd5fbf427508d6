export { AgentOS } from "./client.js";
export { AgentOSError, APIError, ConnectionError } from "./errors.js";
export { Run, Runs, type CallOptions, type StartRunOptions } from "./runs.js";
export { RunStream, type FollowOptions, type StartOptions, type StreamOptions, type StreamState } from "./stream.js";
export type { Answer as RequestAnswer, ClientOptions, Query, RequestOptions, Sending } from "./transport.js";
export type {
  Answer,
  ErrorCode,
  PendingAction,
  RunBody,
  RunDetail,
  RunEvent,
  RunEventData,
  RunEventType,
  Schemas,
} from "./types.js";
export type { components, operations, paths } from "./schema.js";
