// What the door counts, for INFO and the metrics.

export class DoorFigures {
  /** Requests that were answered, refusals included. */
  requests = 0
  /** Requests that were refused: rights, limits, hosts, origins. */
  refused = 0
  /** Streams that are open. */
  streams = 0
  /** Messages that streams were sent, and their bytes. */
  messages = 0
  bytes = 0
  /** Streams that went on behind a message. */
  resumed = 0
  /** Gaps that streams were told of. */
  gaps = 0
}
