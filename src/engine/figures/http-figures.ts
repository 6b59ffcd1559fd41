// What is counted of HTTP, for INFO and the metrics. All stay 0 where no port of HTTP is open.

export class HttpFigures {
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
