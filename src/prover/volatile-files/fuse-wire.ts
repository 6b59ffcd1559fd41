// The kernel's protocol for a file system in a program (FUSE), version 7.31
// (include/uapi/linux/fuse.h). Each read of /dev/fuse returns one request, each write sends one
// answer. All numbers are little-endian; this does not run on other machines.
//
//   request   length u32, opcode u32, unique u64, node u64, uid u32, gid u32, pid u32, padding u32,
//             then the fields of the opcode
//   answer    length u32, error i32 (0, or a negative errno), unique u64, then the fields of the
//             opcode

export const OPCODES = {
  1: 'lookup',
  2: 'forget',
  3: 'getattr',
  4: 'setattr',
  8: 'mknod',
  9: 'mkdir',
  10: 'unlink',
  11: 'rmdir',
  12: 'rename',
  14: 'open',
  15: 'read',
  16: 'write',
  17: 'statfs',
  18: 'release',
  20: 'fsync',
  25: 'flush',
  26: 'init',
  27: 'opendir',
  28: 'readdir',
  29: 'releasedir',
  30: 'fsyncdir',
  35: 'create',
  36: 'interrupt',
  38: 'destroy',
  42: 'forget-several',
  43: 'fallocate',
  45: 'rename-with-flags',
} as const

export type Opcode = (typeof OPCODES)[keyof typeof OPCODES]

export const ERRNO = {
  noEntry: 2,
  exists: 17,
  notDirectory: 20,
  isDirectory: 21,
  invalid: 22,
  noSys: 38,
  notEmpty: 39,
  notSupported: 95,
}

/** Larger writes arrive in several requests. */
const WRITE_BYTES_MAX = 128 * 1024
/** The size limit of a request. */
export const REQUEST_BYTES_MAX = WRITE_BYTES_MAX + 4096
const REQUEST_HEAD_BYTES = 40
const ANSWER_HEAD_BYTES = 16

const VERSION_MAJOR = 7
const VERSION_MINOR = 31
/** FUSE_ASYNC_READ and FUSE_BIG_WRITES. */
const FLAGS = (1 << 0) | (1 << 5)

export interface FuseRequest {
  readonly opcode: Opcode | undefined
  readonly unique: bigint
  /** The node that the request is about. */
  readonly node: number
  readonly body: Buffer
}

/** Returns views of the bytes. */
export function readRequest(bytes: Buffer): FuseRequest {
  const opcode: Opcode | undefined = (OPCODES as Record<number, Opcode>)[bytes.readUInt32LE(4)]
  return {
    opcode,
    unique: bytes.readBigUInt64LE(8),
    node: number64(bytes, 16),
    body: bytes.subarray(REQUEST_HEAD_BYTES),
  }
}

/** Reads a 64-bit number below 2^48. */
export function number64(bytes: Buffer, at: number): number {
  return bytes.readUIntLE(at, 6)
}

/** The names at the end of a request, each followed by a zero. */
export function namesAt(body: Buffer, at: number): string[] {
  return body.subarray(at).toString('utf8').split('\0').slice(0, -1)
}

export function encodeAnswer(unique: bigint, error: number, body: Buffer): Buffer {
  const answer = Buffer.alloc(ANSWER_HEAD_BYTES + body.length)
  answer.writeUInt32LE(answer.length, 0)
  answer.writeInt32LE(-error, 4)
  answer.writeBigUInt64LE(unique, 8)
  body.copy(answer, ANSWER_HEAD_BYTES)
  return answer
}

export interface Attributes {
  readonly id: number
  readonly isDirectory: boolean
  readonly mode: number
  readonly size: number
  readonly modifiedMs: number
}

const ATTRIBUTES_BYTES = 88
const MODE_DIRECTORY = 0o40000
const MODE_FILE = 0o100000
const BLOCK_BYTES = 512

function writeAttributes(to: Buffer, at: number, { id, isDirectory, mode, modifiedMs, size }: Attributes): void {
  to.writeBigUInt64LE(BigInt(id), at)
  to.writeBigUInt64LE(BigInt(size), at + 8)
  to.writeBigUInt64LE(BigInt(Math.ceil(size / BLOCK_BYTES)), at + 16)
  const seconds = BigInt(Math.floor(modifiedMs / 1000))
  for (const place of [24, 32, 40]) to.writeBigUInt64LE(seconds, at + place)
  for (const place of [48, 52, 56]) to.writeUInt32LE(Math.floor(modifiedMs % 1000) * 1_000_000, at + place)
  to.writeUInt32LE((isDirectory ? MODE_DIRECTORY : MODE_FILE) | (mode & 0o7777), at + 60)
  to.writeUInt32LE(isDirectory ? 2 : 1, at + 64)
  to.writeUInt32LE(4096, at + 80)
}

/** Attributes, which the kernel must not cache. */
export function encodeAttributes(attributes: Attributes): Buffer {
  const body = Buffer.alloc(16 + ATTRIBUTES_BYTES)
  writeAttributes(body, 16, attributes)
  return body
}

/** A name that was found or made; the kernel must not cache it. */
export function encodeEntry(attributes: Attributes): Buffer {
  const body = Buffer.alloc(40 + ATTRIBUTES_BYTES)
  body.writeBigUInt64LE(BigInt(attributes.id), 0)
  writeAttributes(body, 40, attributes)
  return body
}

/** An opened file: without flags, so the kernel drops its cache of it. */
export function encodeOpened(handle: number): Buffer {
  const body = Buffer.alloc(16)
  body.writeBigUInt64LE(BigInt(handle), 0)
  return body
}

export function encodeWritten(count: number): Buffer {
  const body = Buffer.alloc(8)
  body.writeUInt32LE(count, 0)
  return body
}

export function encodeGreeting(): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(VERSION_MAJOR, 0)
  body.writeUInt32LE(VERSION_MINOR, 4)
  body.writeUInt32LE(WRITE_BYTES_MAX, 8)
  body.writeUInt32LE(FLAGS, 12)
  body.writeUInt32LE(WRITE_BYTES_MAX, 20)
  body.writeUInt32LE(1, 24)
  return body
}

/** A file system with this many bytes in blocks of 4 KiB, all of them free. */
export function encodeSpace(bytes: number): Buffer {
  const body = Buffer.alloc(80)
  for (const at of [0, 8, 16]) body.writeBigUInt64LE(BigInt(Math.floor(bytes / 4096)), at)
  for (const at of [24, 32]) body.writeBigUInt64LE(1_000_000n, at)
  body.writeUInt32LE(4096, 40)
  body.writeUInt32LE(255, 44)
  body.writeUInt32LE(4096, 48)
  return body
}

export interface Listed {
  readonly id: number
  readonly name: string
  readonly isDirectory: boolean
}

/** Encodes names from an index on, as many as fit. */
export function encodeNames(all: readonly Listed[], from: number, bytesMax: number): Buffer {
  const pieces: Buffer[] = []
  let length = 0
  for (const [at, { id, isDirectory, name }] of all.slice(from).entries()) {
    const text = Buffer.from(name)
    const piece = Buffer.alloc((24 + text.length + 7) & ~7)
    if (length + piece.length > bytesMax) break
    piece.writeBigUInt64LE(BigInt(id), 0)
    piece.writeBigUInt64LE(BigInt(from + at + 1), 8)
    piece.writeUInt32LE(text.length, 16)
    piece.writeUInt32LE((isDirectory ? MODE_DIRECTORY : MODE_FILE) >> 12, 20)
    text.copy(piece, 24)
    pieces.push(piece)
    length += piece.length
  }
  return Buffer.concat(pieces)
}
