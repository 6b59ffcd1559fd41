// A record: one batch of a replicated log, with everything a reader needs to decide whether it
// counts.
//
//    0  version           1 byte
//    1  kind              1 byte
//    2  reserved          2 bytes of zeros
//    4  payload bytes     4 bytes, little endian as all numbers here
//    8  epoch             6 bytes, 2 zeros
//   16  position          6 bytes, 2 zeros: the position it was written for
//   24  previous          8 bytes: the hash of the record before that counts
//   32  hash              8 bytes: CRC-64 of bytes 0 to 31 and of the payload
//   40  payload
//
// The hash is a checksum of the record. Because it covers the previous hash, it also identifies the
// whole history: two nodes with the same hash have the same records. It detects accidents, not
// forgery: an attacker who can write to the log can write anything. CRC-64 is already here and
// allocates nothing. It costs a microsecond for a small batch and 0.2 ms for 64 KiB, about half of
// SHA-256 without instructions for it.
//
// Effects that are too large for one batch are split into records of kind `part` and a last one of
// kind `effects`. They are applied when the last one has arrived.

import { byteAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { Crc64 } from '../util/bytes/crc64.ts'
import { CHECKED } from '../util/invariant.ts'
import { Gap } from './log.ts'

/**
 * `effects`: requests in RESP that are applied together. `part`: the beginning of effects; more
 * follows. `epoch`: a node leads from here on. `lease`: the leader is alive and leads. `handover`:
 * the leader has stepped down, and another node may lead at once.
 */
export type RecordKind = 'effects' | 'part' | 'epoch' | 'lease' | 'handover'

export interface LogRecord {
  readonly kind: RecordKind
  readonly epoch: number
  readonly position: number
  /** The hash of the last record before it that counts, 16 hexadecimal digits. */
  readonly previous: string
  readonly hash: string
  /** A view of the batch that it was read from. */
  readonly payload: Buffer
}

/** The payload of records of the kinds `epoch` and `lease`. */
export interface EpochNote {
  /** Name of the node that leads from here on. */
  readonly node: string
  /** Where clients reach it, as `host:port`; empty when that is not told. */
  readonly address: string
  /** The length of the leader's lease; leaders before this was written do not tell. */
  readonly leaseMs?: number
  /**
   * A secret of that node, for those who can read the log: a node that shows it may send on requests
   * of its clients (CLIENT RELAYED). Empty = it takes none.
   */
  readonly relayKey?: string
}

/** The hash before the first record. */
export const NO_HASH = '0'.repeat(16)
export const RECORD_HEADER_BYTES = 40
const VERSION = 1
const KINDS: readonly RecordKind[] = ['effects', 'part', 'epoch', 'lease', 'handover']
const HASH_AT = 32

/** Encodes a record, and returns its bytes and its hash. */
export function encodeRecord(record: Omit<LogRecord, 'hash'>): { batch: Buffer; hash: string } {
  const { kind, epoch, position, previous, payload } = record
  assert(previous.length === NO_HASH.length, 'a record names a hash of 16 digits')
  assert(Number.isSafeInteger(position) && position > 0, 'the first record has position 1')
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
  const hash = batch.toString('hex', HASH_AT, RECORD_HEADER_BYTES)
  if (CHECKED) assert(decodeRecord(batch).hash === hash, 'a record reads back as it was')
  return { batch, hash }
}

/** Decodes a record. Throws `Gap` when the bytes are damaged. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (batch.length < RECORD_HEADER_BYTES) throw new Gap(`a record of ${batch.length} bytes is not a record`)
  if (batch[0] !== VERSION) throw new Gap(`a record has version ${batch[0]}; this program knows version ${VERSION}`)
  const source = new Source(batch)
  const kind = KINDS[byteAt(batch, 1)]
  const isWhole = batch.readUInt32LE(4) === batch.length - RECORD_HEADER_BYTES
  if (!isWhole || kind === undefined || !checksum(source).equalsAt(source, HASH_AT))
    throw new Gap('a record is damaged: its checksum does not match')
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

/** Splits effects into pieces of one batch each. Returns at least one piece, which may be empty. */
export function cutPayload(payload: Buffer, batchBytesMax: number): Buffer[] {
  const bytesMax = batchBytesMax - RECORD_HEADER_BYTES
  assert(bytesMax > 0, 'a batch has room for its header and more')
  const pieces = [payload.subarray(0, bytesMax)]
  for (let at = bytesMax; at < payload.length; at += bytesMax) pieces.push(payload.subarray(at, at + bytesMax))
  if (CHECKED) assert(Buffer.concat(pieces).equals(payload), 'the pieces of effects are the effects')
  return pieces
}

export function encodeEpochNote({ node, address, leaseMs, relayKey }: EpochNote): Buffer {
  return Buffer.from(JSON.stringify({ node, address, leaseMs, relayKey }))
}

/** Reads the leader that a record names. Throws `Gap` if the record does not tell. */
export function decodeEpochNote(payload: Buffer): EpochNote {
  const { node, address, leaseMs, relayKey } = JSON.parse(payload.toString()) as Partial<EpochNote>
  if (typeof node !== 'string' || typeof address !== 'string') throw new Gap('a record does not say who leads')
  if (leaseMs !== undefined && !(typeof leaseMs === 'number' && leaseMs > 0))
    throw new Gap('a record does not say how long a lease runs')
  return {
    node,
    address,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(typeof relayKey === 'string' ? { relayKey } : {}),
  }
}
