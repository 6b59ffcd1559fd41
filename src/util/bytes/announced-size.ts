// The room to allocate for bytes that a client has announced but not sent yet.

/**
 * Up to this much room is allocated at once; more only as bytes arrive. A client that merely
 * announces 2 GB must not have them reserved.
 */
const BELIEVED_BYTES_MAX = 16 * 1024 * 1024

/**
 * Returns how many bytes of room to make for `announced` bytes of which `here` have arrived, or are
 * arriving now. It is all of them if they are few, else twice the bytes here, and in the end
 * exactly `announced`. So each byte is copied at most once more.
 */
export function roomFor(announced: number, here: number): number {
  return Math.min(announced, Math.max(BELIEVED_BYTES_MAX, 2 * here))
}
