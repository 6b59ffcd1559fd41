// DEBUG OBJECT, SDSLEN, LISTPACK, QUICKLIST: how a value is stored, as far as Redis's terms fit.

import { payloadWriter } from '../../persistence/rdb/payload.ts'
import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { List } from '../../store/list/list.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { stringEncoding } from '../generic/object-encoding.ts'

/** The bytes of a payload besides the value: the type before it, version and checksum behind it. */
const PAYLOAD_FRAME_BYTES = 11

/**
 * Writes encoding, length in a snapshot and idle time. For a quicklist it writes the nodes that
 * Redis would have, never compressed.
 */
export function object(call: Call): void {
  const { db } = call
  const { config } = call.engine
  const { dataset } = call.engine.data
  const entry = find(call)
  const idle = db.idleSeconds(entry)
  const lru = (dataset.use.accessSeconds - idle) & 0xffffff
  const bytes = payloadWriter.write(db, entry, config.get('rdbcompression')).length - PAYLOAD_FRAME_BYTES
  payloadWriter.release()
  call.reply.status(
    `Value at:0x${entry.toString(16).padStart(12, '0')} refcount:1 encoding:${encodingOf(call, entry)} ` +
      `serializedlength:${bytes} lru:${lru} lru_seconds_idle:${idle}${describeNodes(call, entry)}`,
  )
}

function describeNodes({ db, engine: { config } }: Call, entry: number): string {
  const list = db.typeOf(entry) === TYPE_STRING ? undefined : db.structureOf(entry)
  if (!(list instanceof List) || list.nodes === undefined) return ''
  const { nodes, length } = list
  let bytes = 0
  for (let node = 0; node < nodes.count; node++) bytes += nodes.bytesOf(node)
  return (
    ` ql_nodes:${nodes.count} ql_avg_node:${(length / nodes.count).toFixed(2)}` +
    ` ql_listpack_max:${config.get('list-max-listpack-size')} ql_compressed:0` +
    ` ql_uncompressed_size:${bytes}`
  )
}

/** Writes lengths. No string has unused room behind it. */
export function sdsLength(call: Call): void {
  const { db, reply } = call
  const entry = find(call)
  if (db.typeOf(entry) !== TYPE_STRING || stringEncoding(db, entry) === 'int')
    throw ERR.of('Not an sds encoded string.')
  const key = call.key(2).length
  const { length } = db.strings.read(entry, new Bytes())
  reply.status(
    `key_sds_len:${key}, key_sds_avail:0, key_zmalloc: ${key}, val_sds_len:${length}, val_sds_avail:0, val_zmalloc: ${length}`,
  )
}

/**
 * Redis prints the listpack on its standard output. Here the log gets a description of it; without
 * a log file that is the standard output, too.
 */
export function listpack(call: Call): void {
  print(call, 'listpack')
  call.reply.status('Listpack structure printed on stdout')
}

export function quicklist(call: Call): void {
  print(call, 'quicklist')
  call.reply.status('Quicklist structure printed on stdout')
}

function print(call: Call, encoding: 'listpack' | 'quicklist'): void {
  const { db } = call
  const entry = find(call)
  if (encodingOf(call, entry) !== encoding) throw ERR.of(`Not a ${encoding} encoded object.`)
  const { length, bytes } = db.structureOf(entry)
  call.engine.environment.log.info(
    { encoding, elements: length, bytes },
    `DEBUG ${encoding.toUpperCase()}${describeNodes(call, entry)}`,
  )
}

export function encodingOf({ db }: Call, entry: number): string {
  return db.typeOf(entry) === TYPE_STRING ? stringEncoding(db, entry) : db.structureOf(entry).encoding
}

/**
 * Returns the entry of the key in argument 2; this does not count as a use. Throws "no such key".
 */
export function find(call: Call): number {
  const entry = call.db.find(call.key(2))
  if (entry === NONE) throw ERR.noSuchKey
  return entry
}
