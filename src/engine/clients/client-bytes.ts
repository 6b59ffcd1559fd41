// Bytes that a client takes, as they were last counted (client-memory.ts).

export class ClientBytes {
  /** All bytes that used memory counts for it. */
  counted = 0
  /** The part of them that its requests take. */
  countedRequests = 0
  /** Bytes of the prefixes that it tracks (CLIENT TRACKING). */
  prefixes = 0
  /** Bytes of the readers that stand for it in kept channels. */
  listeners = 0
}
