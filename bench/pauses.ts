// How long does anybody wait while a structure of a million elements is deleted, or its time is up?

import { startChild } from './child.ts'
import type { Kind } from './children/load.ts'
import { alternate, medianOf } from './pairs.ts'
import { type Answer, bounded, type Question, type Row, type Scale } from './question.ts'
import { type Server, startServer } from './servers.ts'

const PAUSE_MS_MAX = 5
const VALUE_BYTES = 20
/** Entries read into a group at a time. */
const READ_ENTRIES = 10_000
const STRING_BYTES = 100 * 1024 * 1024
/** The questioner asks alone for so long, before and after. */
const QUIET_MS = 100

interface Case {
  what: string
  key: string
  fill(server: Server, scale: Scale): Promise<void>
}

const CASES: readonly Case[] = [
  loaded('a list', 'list', 'list'),
  loaded('a set', 'oneSet', 'set'),
  loaded('a hash', 'oneHash', 'hash'),
  loaded('a sorted set', 'oneSortedSet', 'zset'),
  loaded('a stream', 'oneStream', 'stream'),
  {
    what: 'a stream all of whose entries are pending',
    key: 'stream',
    async fill(server, scale) {
      await load(server, scale, 'oneStream')
      await server.asker.ask('XGROUP', 'CREATE', 'stream', 'group', '0')
      const read = ['XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', String(READ_ENTRIES), 'STREAMS', 'stream', '>']
      while ((await server.asker.ask(...read)) !== null);
    },
  },
  {
    what: 'a string of 100 MB',
    key: 'string',
    async fill({ asker }, { quick }) {
      await asker.ask('SETRANGE', 'string', String(quick ? 1 : STRING_BYTES), 'x')
    },
  },
]

function loaded(what: string, kind: Kind, key: string): Case {
  return { what, key, fill: (server, scale) => load(server, scale, kind) }
}

async function load({ port }: Server, { keys }: Scale, kind: Kind): Promise<void> {
  await startChild('load', { port, kind, count: keys, valueBytes: VALUE_BYTES }).result
}

/** UNLINK, SET and whatever else replaces a value go the way of DEL here. */
const WAYS: readonly { what: string; words(key: string): string[] }[] = [
  { what: 'deleted', words: (key) => ['DEL', key] },
  { what: 'expired', words: (key) => ['PEXPIRE', key, '1'] },
  { what: 'flushed', words: () => ['FLUSHALL'] },
]

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const lines = new Set<string>()
  for (const { what, key, fill } of CASES) {
    for (const way of WAYS) {
      const pairs = await alternate(async (rival) => {
        const server = await startServer(rival)
        lines.add(server.commandLine)
        try {
          await fill(server, scale)
          const pinger = startChild<{ latencies: number[] }>('ping', { port: server.port, words: ['PING'], everyMs: 0 })
          await pinger.ready
          await quiet()
          await server.asker.ask(...way.words(key))
          while (!/lazyfree_pending_objects:0\r/.test(String(await server.asker.ask('INFO', 'memory')))) await quiet()
          await quiet()
          pinger.finish()
          return (await pinger.result).latencies.at(-1)!
        } finally {
          await server.stop()
        }
      })
      const row = bounded(
        `longest wait of a PING while ${what} is ${way.what}`,
        medianOf(pairs, 'respite'),
        PAUSE_MS_MAX,
        'ms',
        `${medianOf(pairs, 'redis').toFixed(1)} ms`,
      )
      rows.push(row)
      console.log(`  ${row.what}: ${row.respite} : ${row.redis}`)
    }
  }
  return {
    title: `Pauses: structures of ${scale.keys.toLocaleString('en')} elements that go`,
    commandLines: [...lines],
    rows,
    notes: [
      'One client asks PING without a rest, from a process of its own, from before the structure goes until its memory is free. DEL frees at once in Redis; UNLINK hands over to a thread.',
    ],
  }
}

function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS))
}

export const pauses: Question = { name: 'pauses', ask }
