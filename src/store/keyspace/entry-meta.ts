// The META word of an entry (keyspace.ts): bits 0–3 are the type of its value, 4–7 say how a string
// is stored, 8–15 are its access frequency.

export const TYPE_MASK = 0xf
/** The string has a buffer of its own (large-strings.ts). */
export const FLAG_LARGE = 0x10
/**
 * OBJECT ENCODING answers raw for any content, because the string was created or changed in place
 * (APPEND, SETRANGE).
 */
export const FLAG_RAW = 0x20
/** The content was never checked for being an integer (INCRBYFLOAT's result). */
export const FLAG_TEXT = 0x40
/**
 * The string was made by COPY. Redis gives it an object of its own even if it is a small integer
 * (OBJECT REFCOUNT).
 */
export const FLAG_COPY = 0x80
export const FREQUENCY_SHIFT = 8
export const FREQUENCY_MASK = 0xff << FREQUENCY_SHIFT
