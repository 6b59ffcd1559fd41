// The counters of HTTP, for INFO and the metrics. All stay 0 unless an HTTP port is open.

export class HttpFigures {
  /** Requests that were answered, refusals included. */
  requests = 0
  /** Refused requests: because of rights, limits, hosts or origins. */
  refused = 0
  /** Streams that are open. */
  streams = 0
  /** Messages that streams were sent, and their bytes. */
  messages = 0
  bytes = 0
  /** Streams that resumed behind a message. */
  resumed = 0
  /** Gaps that were reported to streams. */
  gaps = 0
}
