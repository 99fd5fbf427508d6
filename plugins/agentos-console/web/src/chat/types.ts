// The API's values that the chat works with, under short names.
import type { Schemas } from '@agentos-server/client'

export type { PendingAction, RunDetail, RunEvent } from '@agentos-server/client'
export type Session = Schemas['Session']
export type Message = Schemas['Message']
export type RunRecord = Schemas['Run']
export type History = Schemas['History']
export type Agent = Schemas['Agent']
export type Usage = Schemas['Usage']
export type MediaDescription = Schemas['MediaDescription']

export type Status = RunRecord['status']

/** Why a run did not complete. */
export interface Failure {
  message: string
  code: string
  details: Readonly<Record<string, unknown>>
  requestId?: string | undefined
}
