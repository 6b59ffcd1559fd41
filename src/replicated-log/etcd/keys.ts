// The keys of a log in etcd.
//
//   PREFIX/last                      position of the last batch, 16 digits; exists since the first
//                                    append
//   PREFIX/leader                    put with each epoch record; its revision identifies the epoch
//   PREFIX/messages                  the last batch of messages (etcd-messaging.ts)
//   PREFIX/batch/0000000000000042    one batch
//
// Positions are padded with zeros, so keys sort in the order of their positions.

const DIGITS = 16

/** One key, or the range from it up to `range_end`. */
export interface KeyRange {
  readonly key: string
  readonly range_end?: string
}

export class LogKeys {
  readonly last: string
  readonly leader: string
  readonly messages: string
  /** The end of the range of all batches. */
  readonly end: string
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.last = encode(`${prefix}/last`)
    this.leader = encode(`${prefix}/leader`)
    this.messages = encode(`${prefix}/messages`)
    // `0` follows `/`.
    this.end = encode(`${prefix}/batch0`)
  }

  batch(position: number): string {
    return encode(`${this.#prefix}/batch/${digits(position)}`)
  }

  /** Returns the position in the key of a batch. */
  position(key: string): number {
    return Number(Buffer.from(key, 'base64').toString('latin1').slice(-DIGITS))
  }
}

/** A position as the value of a key. */
export const encodePosition = (position: number): string => encode(digits(position))
export const decodePosition = (value: string): number => Number(Buffer.from(value, 'base64').toString('latin1'))

function digits(position: number): string {
  return String(position).padStart(DIGITS, '0')
}

/** Keys and values are base64 in JSON. */
function encode(text: string): string {
  return Buffer.from(text).toString('base64')
}
