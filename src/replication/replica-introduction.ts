// The introduction of a replica: its words about itself (REPLCONF) before it asks for the stream.

export class ReplicaIntroduction {
  port = 0
  /** Its address as it announced it; '' = it announced none. */
  address = ''
  /** It understands a snapshot of unknown length (`capa eof`). */
  understandsEof = false
  /** It understands another id in the reply to PSYNC (`capa psync2`). */
  understandsPsync2 = false
  /** It wants a snapshot and nothing after it. */
  wantsCopyOnly = false
  /** It came with SYNC, so it never acknowledges an offset. */
  isSilent = false
}
