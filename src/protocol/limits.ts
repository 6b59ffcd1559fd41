// Bounds of the protocol layer: each with its unit in the name and its reason.

/** An inline request is a line typed by a person; a longer one is a client that lost its framing. */
export const INLINE_REQUEST_BYTES_MAX = 64 * 1024

/** Redis's `proto-max-bulk-len` default: one argument is never larger than this. */
export const BULK_BYTES_MAX = 512 * 1024 * 1024

/** Arguments of one request: Redis's INT_MAX guard; memory is bounded by the query buffer long before. */
export const REQUEST_ARGUMENTS_MAX = 2147483647

/** Before AUTH a stranger may not make the server hold more than a handshake needs. */
export const UNAUTHENTICATED_ARGUMENTS_MAX = 10
export const UNAUTHENTICATED_BULK_BYTES_MAX = 16 * 1024
export const UNAUTHENTICATED_QUERY_BYTES_MAX = 1024 * 1024
/** What the other side may leave unread before AUTH, whatever the limits of its class say. */
export const UNAUTHENTICATED_UNREAD_BYTES_MAX = 1024
/**
 * Replies made at a stroke before AUTH, which had no chance yet to be read: Redis's reply buffer of a client, which it does not
 * count either. Some 480 pipelined commands are told NOAUTH.
 */
export const UNAUTHENTICATED_REPLY_BYTES_MAX = 16 * 1024

/** Arguments longer than this are read straight into a buffer of their own, so no chunk is copied twice. */
export const BIG_BULK_BYTES_MIN = 32 * 1024

/**
 * One read takes at most this much from a socket, so that one client cannot hold a turn of the loop for long: some 450 short
 * commands. Redis takes 16 KiB; but ioredis sends a script whole at its first use of each connection, and BullMQ's are up to
 * 39 KB: read at once and found in place, such an EVAL costs 3 µs more than EVALSHA, read in three pieces 35 to 40. The price: while a
 * million keys are loaded by a server that has just begun, the longest wait of others is 15 ms instead of 12.
 */
export const READ_BUFFER_BYTES = 48 * 1024

/** Redis's `client-query-buffer-limit` default: unread requests of one client (a blocked one that keeps sending). */
export const QUERY_BUFFER_BYTES_MAX = 1024 * 1024 * 1024

/** Replies gather here until the turn ends; one larger reply gets a buffer of its own. */
export const REPLY_BUFFER_BYTES = 256 * 1024
