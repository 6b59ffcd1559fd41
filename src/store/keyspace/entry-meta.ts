// The META word of an entry (keyspace.ts): bits 0–3 the type of its value, 4–7 how a string is kept, 8–15 how often it was used.

export const TYPE_MASK = 0xf
/** The string has a buffer of its own (large-strings.ts). */
export const FLAG_LARGE = 0x10
/** OBJECT ENCODING says raw whatever the content: it was made or changed in place (APPEND, SETRANGE). */
export const FLAG_RAW = 0x20
/** The content was never checked for being an integer (INCRBYFLOAT's result). */
export const FLAG_TEXT = 0x40
/** The string was made by COPY: Redis gives it an object of its own even if it is a small integer (OBJECT REFCOUNT). */
export const FLAG_COPY = 0x80
export const FREQUENCY_SHIFT = 8
export const FREQUENCY_MASK = 0xff << FREQUENCY_SHIFT
