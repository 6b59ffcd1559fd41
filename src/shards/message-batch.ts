// Batches of messages between shards, as bytes. The messages of a node form one stream, which is
// cut into batches wherever one is full:
//
//    0  version         1 byte
//    1  shard bytes     1 byte
//    2  first           4 bytes, little endian as all numbers here: the offset in the payload of
//                       the first message that begins in this batch
//    6  sender          8 bytes, drawn at random when the node starts
//   14  number          6 bytes: the number of this batch in the sender's stream, from 0
//   20  messages        6 bytes: how many messages the sender had begun before that first one
//   26  shard           the sender's shard, UTF-8
//       payload
//
// A message in the payload:
//
//    0  reach           1 byte: 1 = nodes of the sender's shard have it from their log, 0 = they
//                       have not
//    1  channel bytes   4 bytes
//    5  message bytes   4 bytes
//    9  channel, message
//
// A reader that has missed a batch continues at the first message of the next one, and computes
// from the numbers how many are missing.

const VERSION = 1
const FIXED_BYTES = 26
export const FRAME_HEADER_BYTES = 9
const SENDER_BYTES = 8
/**
 * A larger message, with its header, is not sent to other shards: this much may wait at its sender.
 */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** The length of a sender's id, in hexadecimal digits. */
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

/** The offset of the payload in batches of a shard's nodes. */
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

/** Reads a batch, and keeps its bytes; undefined when it has another version or is not a batch. */
export function readBatch(bytes: Uint8Array): ReadBatch | undefined {
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (batch.length < FIXED_BYTES || batch[0] !== VERSION) return undefined
  const payloadAt = FIXED_BYTES + batch.readUInt8(1)
  return {
    shard: batch.toString('utf8', FIXED_BYTES, payloadAt),
    first: batch.readUInt32LE(2),
    sender: batch.toString('hex', 6, 14),
    number: batch.readUIntLE(14, 6),
    messages: batch.readUIntLE(20, 6),
    payload: batch.subarray(payloadAt),
  }
}
