// BullMQ's calls of a Redis client, as requests: the words of a command, and how its reply is
// converted.
//
// BullMQ passes options as objects and expects replies as ioredis gives them: those of RESP2, with
// the fields of a hash as an object. The same requests are sent singly (`client.ts`) and gathered
// (`transaction.ts`).

import type { CommandReply, Word } from '../../index.ts'
import { itemAt } from '../../util/array-reads.ts'

export type Reply = CommandReply<string>
export type Words = [command: string, ...words: Word[]]

export interface Request {
  words: Words
  /** Converts the reply. Without it the reply stays as it is. */
  shape?: (reply: Reply) => unknown
}

export interface StreamTrim {
  MAXLEN?: number
  approximate?: boolean
}

type Fields = Record<string, string | number>

export const requests = {
  hgetall: (key: string): Request => ({ words: ['HGETALL', key], shape: recordOf }),
  hget: (key: string, field: string): Request => ({ words: ['HGET', key, field] }),
  hmget: (key: string, fields: string[]): Request => ({ words: ['HMGET', key, ...fields] }),
  hset: (key: string, data: Fields): Request => ({ words: ['HSET', key, ...pairsOf(data)] }),
  hdel: (key: string, fields: string[]): Request => ({ words: ['HDEL', key, ...fields] }),
  hexists: (key: string, field: string): Request => ({ words: ['HEXISTS', key, field] }),
  hscan: (key: string, cursor: Word, { COUNT }: { COUNT?: number } = {}): Request => ({
    words: ['HSCAN', key, cursor, ...option('COUNT', COUNT)],
  }),

  get: (key: string): Request => ({ words: ['GET', key] }),
  set: (key: string, value: Word, { PX, EX }: { PX?: number; EX?: number } = {}): Request => ({
    words: ['SET', key, value, ...(PX === undefined ? option('EX', EX) : option('PX', PX))],
  }),
  del: (keys: string[]): Request => ({ words: ['DEL', ...keys] }),

  zrange: (key: string, start: number, end: number, options: { WITHSCORES?: boolean } = {}): Request => ({
    words: ['ZRANGE', key, start, end, ...flag('WITHSCORES', options.WITHSCORES)],
  }),
  zrevrange: (key: string, start: number, end: number, options: { WITHSCORES?: boolean } = {}): Request => ({
    words: ['ZREVRANGE', key, start, end, ...flag('WITHSCORES', options.WITHSCORES)],
  }),
  zcard: (key: string): Request => ({ words: ['ZCARD', key] }),
  zscore: (key: string, member: string): Request => ({ words: ['ZSCORE', key, member] }),
  bzpopmin: (key: string, timeout: number): Request => ({ words: ['BZPOPMIN', key, timeout] }),

  lrange: (key: string, start: number, end: number): Request => ({ words: ['LRANGE', key, start, end] }),
  llen: (key: string): Request => ({ words: ['LLEN', key] }),
  ltrim: (key: string, start: number, end: number): Request => ({ words: ['LTRIM', key, start, end] }),
  lpos: (key: string, value: string): Request => ({ words: ['LPOS', key, value] }),

  smembers: (key: string): Request => ({ words: ['SMEMBERS', key] }),
  sscan: (key: string, cursor: Word, { COUNT }: { COUNT?: number } = {}): Request => ({
    words: ['SSCAN', key, cursor, ...option('COUNT', COUNT)],
  }),

  xadd: (key: string, id: string, fields: Fields, trim: StreamTrim = {}): Request => ({
    words: ['XADD', key, ...maxLength(trim.MAXLEN, trim), id, ...pairsOf(fields)],
  }),
  xread: (streams: { key: string; id: string }[], options: { BLOCK?: number; COUNT?: number } = {}): Request => ({
    words: [
      'XREAD',
      ...option('COUNT', options.COUNT),
      ...option('BLOCK', options.BLOCK),
      'STREAMS',
      ...streams.map(({ key }) => key),
      ...streams.map(({ id }) => id),
    ],
  }),
  xtrim: (key: string, length: number, trim: StreamTrim = {}): Request => ({
    words: ['XTRIM', key, ...maxLength(length, trim)],
  }),

  info: (): Request => ({ words: ['INFO'] }),
  clientSetName: (name: string): Request => ({ words: ['CLIENT', 'SETNAME', name] }),
  clientList: (): Request => ({ words: ['CLIENT', 'LIST'] }),
  clientInfo: (): Request => ({ words: ['CLIENT', 'INFO'] }),
  scan: (cursor: Word, { MATCH, COUNT }: { MATCH?: string; COUNT?: number } = {}): Request => ({
    words: ['SCAN', cursor, ...option('MATCH', MATCH), ...option('COUNT', COUNT)],
  }),
} as const

/**
 * Appends the arguments of a script to the words. As in ioredis, null and undefined become the
 * empty string.
 */
export function wordsOf<W extends Word[]>(args: readonly unknown[], words: W): W {
  for (const arg of args) {
    if (typeof arg === 'string' || typeof arg === 'number' || arg instanceof Uint8Array) words.push(arg)
    else if (arg === undefined || arg === null) words.push('')
    else if (Array.isArray(arg)) wordsOf(arg, words)
    else words.push(String(arg))
  }
  return words
}

function option(name: string, value: Word | undefined): Word[] {
  return value === undefined || value === null ? [] : [name, value]
}

function flag(name: string, isSet: boolean | undefined): Word[] {
  return isSet === true ? [name] : []
}

function maxLength(length: number | undefined, { approximate }: StreamTrim): Word[] {
  return length === undefined ? [] : ['MAXLEN', ...flag('~', approximate !== false), length]
}

function pairsOf(fields: Fields): Word[] {
  return wordsOf(Object.entries(fields).flat(), [] as Word[])
}

/** Makes an object of field, value, field, value, … */
function recordOf(reply: Reply): Record<string, string> {
  const parts = reply as string[]
  const record: Record<string, string> = {}
  for (let i = 0; i < parts.length; i += 2) record[itemAt(parts, i)] = itemAt(parts, i + 1)
  return record
}
