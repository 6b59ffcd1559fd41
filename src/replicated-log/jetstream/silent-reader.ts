// Ends a reader whose server is silent.
//
// A reader's consumer lives on one server of the log. When that server loses power, the connection
// to another server stays as it is, and no batch comes. The client package would ask the dead
// server for the consumer first, for the whole timeout of a request. Meanwhile a handover stays
// unread.

/** The part of the package's reader that is needed here. */
export interface ObservedReader {
  status(): AsyncIterable<{ readonly type: string }>
  stop(): void
}

/** Stops a reader that misses heartbeats. Resolves when the reader has ended. */
export async function stopWhenSilent(reader: ObservedReader): Promise<void> {
  for await (const { type } of reader.status()) if (type === 'heartbeats_missed') reader.stop()
}
