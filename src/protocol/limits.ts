// Bounds of the protocol layer: each with its unit in the name and its reason.

/**
 * An inline request is a line typed by a person; a longer one comes from a client that lost its
 * framing.
 */
export const INLINE_REQUEST_BYTES_MAX = 64 * 1024

/** Redis's `proto-max-bulk-len` default: one argument is never larger than this. */
export const BULK_BYTES_MAX = 512 * 1024 * 1024

/** Arguments of one request: Redis's INT_MAX guard. The query buffer bounds memory long before. */
export const REQUEST_ARGUMENTS_MAX = 2147483647

/** Before AUTH a client may not make the server hold more than a handshake needs. */
export const UNAUTHENTICATED_ARGUMENTS_MAX = 10
export const UNAUTHENTICATED_BULK_BYTES_MAX = 16 * 1024
export const UNAUTHENTICATED_QUERY_BYTES_MAX = 1024 * 1024
/** Bytes that a client may leave unread before AUTH, whatever the limits of its class. */
export const UNAUTHENTICATED_UNREAD_BYTES_MAX = 1024
/**
 * Replies made in one stretch before AUTH, which the client could not read yet: Redis's reply
 * buffer of a client, which it does not count either. Some 480 pipelined commands are answered
 * NOAUTH.
 */
export const UNAUTHENTICATED_REPLY_BYTES_MAX = 16 * 1024

/**
 * Arguments longer than this are read straight into a buffer of their own, so no chunk is copied
 * twice.
 */
export const BIG_BULK_BYTES_MIN = 32 * 1024

/**
 * One read takes at most this much from a socket, so that one client cannot hold a turn of the loop
 * for long: some 450 short commands. Redis takes 16 KiB. But ioredis sends a script whole at its
 * first use of each connection, and BullMQ's are up to 39 KB. Such an EVAL costs 3 µs more than
 * EVALSHA when it is read at once and found in place, and 35 to 40 when it is read in three pieces.
 * The price: while a server that has just begun loads a million keys, other clients wait for 15 ms
 * at most instead of 12.
 */
export const READ_BUFFER_BYTES = 48 * 1024

/**
 * Redis's `client-query-buffer-limit` default: unread requests of one client, for instance a
 * blocked one that keeps sending.
 */
export const QUERY_BUFFER_BYTES_MAX = 1024 * 1024 * 1024

/** Replies gather here until the turn ends; a larger reply gets a buffer of its own. */
export const REPLY_BUFFER_BYTES = 256 * 1024
