// The keys of a log in etcd.
//
//   PREFIX/last                      the position of the last batch, 16 digits; there from the first append on
//   PREFIX/leader                    written with each record that begins an epoch: its revision says whose epoch it is
//   PREFIX/messages                  the last batch of messages (etcd-messaging.ts)
//   PREFIX/batch/0000000000000042    one batch
//
// Digits are padded, so keys stand in the order of their positions.

const DIGITS = 16

/** One key, or those from it up to another. */
export interface KeyRange {
  readonly key: string
  readonly range_end?: string
}

export class LogKeys {
  readonly last: string
  readonly leader: string
  readonly messages: string
  /** What lies at or behind the last possible batch: the end of a range. */
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

  /** The position of a key of a batch. */
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
