// Batches of messages between shards, as bytes. What a node sends is one stream of messages, cut into batches wherever they are full:
//
//    0  version         1 byte
//    1  shard bytes     1 byte
//    2  first           4 bytes, little endian as all numbers here: where in the payload the first message begins that no earlier batch has begun
//    6  sender          8 bytes, drawn by chance when the node is started
//   14  number          6 bytes: of this batch among the sender's, from 0
//   20  messages        6 bytes: how many the sender had begun before that first one
//   26  shard           the sender's, UTF-8
//       payload
//
// A message in the payload:
//
//    0  reach           1 byte: 1 = nodes of the sender's shard have it from their log, 0 = they have not
//    1  channel bytes   4 bytes
//    5  message bytes   4 bytes
//    9  channel, message
//
// Whoever has missed a batch goes on at the next one's first message, and knows by the numbers how many are missing.

const VERSION = 1
const FIXED_BYTES = 26
export const FRAME_HEADER_BYTES = 9
const SENDER_BYTES = 8
/** A message, with its header, that is larger is not heard by other shards: so much may wait at its sender. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** Length of a sender's name, in hexadecimal digits. */
export const SENDER_DIGITS = 2 * SENDER_BYTES

export interface BatchHeader {
  readonly shard: string
  /** 16 hexadecimal digits. */
  readonly sender: string
  readonly number: number
  readonly messages: number
  readonly first: number
}

export interface ReadBatch extends BatchHeader {
  readonly payload: Buffer
}

/** Where the payload of batches begins that a shard's nodes send. */
export const headerBytesOf = (shard: string): number => FIXED_BYTES + Buffer.byteLength(shard)

/** Writes a header at the start of a batch. */
export function writeHeader(batch: Buffer, { first, messages, number, sender, shard }: BatchHeader): void {
  batch[0] = VERSION
  batch[1] = Buffer.byteLength(shard)
  batch.writeUInt32LE(first, 2)
  batch.write(sender, 6, SENDER_BYTES, 'hex')
  batch.writeUIntLE(number, 14, 6)
  batch.writeUIntLE(messages, 20, 6)
  batch.write(shard, FIXED_BYTES)
}

/** Reads a batch, whose bytes it keeps; undefined = it is of another version, or none. */
export function readBatch(bytes: Uint8Array): ReadBatch | undefined {
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (batch.length < FIXED_BYTES || batch[0] !== VERSION) return undefined
  const payloadAt = FIXED_BYTES + batch[1]!
  return {
    shard: batch.toString('utf8', FIXED_BYTES, payloadAt),
    first: batch.readUInt32LE(2),
    sender: batch.toString('hex', 6, 14),
    number: batch.readUIntLE(14, 6),
    messages: batch.readUIntLE(20, 6),
    payload: batch.subarray(payloadAt),
  }
}
