// Bytes that somebody has announced and not sent yet: how much room is made for them.

/** So much room is made at once. More comes into being as bytes come: whoever only announces 2 GB must not have them reserved. */
const BELIEVED_BYTES_MAX = 16 * 1024 * 1024

/**
 * Returns how many bytes of room to make for `announced` bytes of which `here` have come, or are coming now: all of it where that is
 * not much, else twice what is here; in the end exactly `announced`. So each byte is copied once more at most.
 */
export function roomFor(announced: number, here: number): number {
  return Math.min(announced, Math.max(BELIEVED_BYTES_MAX, 2 * here))
}
