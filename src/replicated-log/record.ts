// A record: one batch of a replicated log, with all that a reader needs to know whether it counts.
//
//    0  version           1 byte
//    1  kind              1 byte
//    2  nothing           2 bytes of zeros
//    4  payload bytes     4 bytes, little endian as all numbers here
//    8  epoch             6 bytes, 2 zeros
//   16  position          6 bytes, 2 zeros: where the record was to stand
//   24  previous          8 bytes: the hash of the record before that counts
//   32  hash              8 bytes: CRC-64 of bytes 0 to 31 and of the payload
//   40  payload
//
// The hash is a checksum of the record, and, because it covers the hash before, the name of all history up to here: two nodes that
// hold the same hash hold the same records. It finds what machines do by accident, not what a forger does: who can write to the
// log can write anything. CRC-64 because it is at hand, costs a microsecond for a small batch and 0.2 ms for 64 KiB, about half of
// SHA-256 without instructions for it, and allocates nothing.
//
// What is too large for one batch of the log is cut: records of kind `part`, and at last one of kind `effects`. Only then it is applied.

import { Source } from '../util/bytes/bytes.ts'
import { Crc64 } from '../util/bytes/crc64.ts'
import { Gap } from './log.ts'

/**
 * `effects`: requests in RESP that are applied together; `part`: a beginning of them, more follows; `epoch`: somebody leads from here
 * on; `lease`: it is alive and leads; `handover`: the leader leads no more, somebody else may at once.
 */
export type RecordKind = 'effects' | 'part' | 'epoch' | 'lease' | 'handover'

export interface LogRecord {
  readonly kind: RecordKind
  readonly epoch: number
  readonly position: number
  /** Hash of the record before that counts, 16 hexadecimal digits. */
  readonly previous: string
  readonly hash: string
  /** Lies in the batch that it was read from. */
  readonly payload: Buffer
}

/** What records of the kinds `epoch` and `lease` say. */
export interface EpochNote {
  /** Name of the node that leads from here on. */
  readonly node: string
  /** Where clients find it, as `host:port`; empty where nobody may know. */
  readonly address: string
}

/** The hash of nothing: what stands before the first record. */
export const NO_HASH = '0'.repeat(16)
export const RECORD_HEADER_BYTES = 40
const VERSION = 1
const KINDS: readonly RecordKind[] = ['effects', 'part', 'epoch', 'lease', 'handover']
const HASH_AT = 32

/** Makes the bytes of a record, and its hash. */
export function encodeRecord(record: Omit<LogRecord, 'hash'>): { batch: Buffer; hash: string } {
  const { kind, epoch, position, previous, payload } = record
  const source = Source.allocate(RECORD_HEADER_BYTES + payload.length)
  const batch = source.u8
  batch.fill(0, 0, RECORD_HEADER_BYTES)
  batch[0] = VERSION
  batch[1] = KINDS.indexOf(kind)
  batch.writeUInt32LE(payload.length, 4)
  batch.writeUIntLE(epoch, 8, 6)
  batch.writeUIntLE(position, 16, 6)
  batch.write(previous, 24, 8, 'hex')
  payload.copy(batch, RECORD_HEADER_BYTES)
  checksum(source).writeTo(source, HASH_AT)
  return { batch, hash: batch.toString('hex', HASH_AT, RECORD_HEADER_BYTES) }
}

/** Reads a record. Throws `Gap` when the bytes are not what was once written. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (batch.length < RECORD_HEADER_BYTES) throw new Gap(`a record of ${batch.length} bytes is no record`)
  if (batch[0] !== VERSION) throw new Gap(`a record has version ${batch[0]}, and this program knows version ${VERSION}`)
  const source = new Source(batch)
  const kind = KINDS[batch[1]!]
  const isWhole = batch.readUInt32LE(4) === batch.length - RECORD_HEADER_BYTES
  if (!isWhole || kind === undefined || !checksum(source).equalsAt(source, HASH_AT))
    throw new Gap('a record is damaged: its checksum is another')
  return {
    kind,
    epoch: batch.readUIntLE(8, 6),
    position: batch.readUIntLE(16, 6),
    previous: batch.toString('hex', 24, 32),
    hash: batch.toString('hex', HASH_AT, RECORD_HEADER_BYTES),
    payload: batch.subarray(RECORD_HEADER_BYTES),
  }
}

function checksum(source: Source): Crc64 {
  return new Crc64().update(source, 0, HASH_AT).update(source, RECORD_HEADER_BYTES, source.u8.length)
}

/** Cuts effects into what fits into one batch each; one piece, perhaps empty, at least. */
export function cutPayload(payload: Buffer, batchBytesMax: number): Buffer[] {
  const bytesMax = batchBytesMax - RECORD_HEADER_BYTES
  const pieces = [payload.subarray(0, bytesMax)]
  for (let at = bytesMax; at < payload.length; at += bytesMax) pieces.push(payload.subarray(at, at + bytesMax))
  return pieces
}

export function encodeEpochNote({ node, address }: EpochNote): Buffer {
  return Buffer.from(JSON.stringify({ node, address }))
}

/** Reads who leads. Throws `Gap` when it says nothing of the kind. */
export function decodeEpochNote({ payload }: LogRecord): EpochNote {
  const { node, address } = JSON.parse(payload.toString()) as Partial<EpochNote>
  if (typeof node !== 'string' || typeof address !== 'string') throw new Gap('a record does not say who leads')
  return { node, address }
}
