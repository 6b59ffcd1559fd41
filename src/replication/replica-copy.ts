// The snapshot that a replica is sent before the stream.

import type { Sender } from './sender.ts'

/** The contents of a snapshot; replicas that want the same may share one. */
export interface ReplicaContents {
  readonly data: boolean
  readonly functions: boolean
}

export class ReplicaCopy {
  contents: ReplicaContents = { data: true, functions: true }
  /** It is sent as a file, whose size is announced first. */
  isFile = false
  /** The file is being sent. */
  sendsFile = false
  /** The stream begins when the replica has acknowledged that it has loaded the snapshot. */
  awaitsAcknowledgement = false
  sender: Sender | undefined = undefined
}
