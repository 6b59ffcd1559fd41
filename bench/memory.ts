// What does a key, or an element of a list, cost in memory? How long does anybody wait while a
// million keys are loaded?

import { startChild } from './child.ts'
import type { Kind } from './children/load.ts'
import { alternate, medianOf, type Pair, percentile, ratio } from './pairs.ts'
import { type Answer, atMost, bounded, type Question, type Row, type Scale } from './question.ts'
import { RIVALS, type Rival, residentBytes, startServer } from './servers.ts'

const KEY_VALUE_BYTES = 64
const ELEMENT_BYTES = 20
const PAUSE_MS_MAX = 10
/** Time for memory that is no longer needed to be given back, before it is counted. */
const SETTLE_MS = 2000

/** `goesOn`: ten times as many are asked for, too. */
const KINDS: readonly { kind: Kind; what: string; valueBytes: number; most: number; goesOn?: true }[] = [
  { kind: 'keys', what: 'bytes of RSS a key (16 B keys, 64 B values)', valueBytes: KEY_VALUE_BYTES, most: 1 },
  {
    kind: 'list',
    what: 'bytes of RSS an element (20 B, one list)',
    valueBytes: ELEMENT_BYTES,
    most: 1.05,
    goesOn: true,
  },
  {
    kind: 'hashes',
    what: 'bytes of RSS a field (20 B values, ten to a hash)',
    valueBytes: ELEMENT_BYTES,
    most: 1.1,
    goesOn: true,
  },
  { kind: 'sets', what: 'bytes of RSS a member (19 B, 100 sets)', valueBytes: 0, most: 1.2 },
  { kind: 'sortedSets', what: 'bytes of RSS a member (19 B, 100 sorted sets)', valueBytes: 0, most: 1.2 },
  { kind: 'streams', what: 'bytes of RSS an entry (two fields, 100 streams)', valueBytes: 0, most: 1.05, goesOn: true },
]
const TIMES = 10

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const lines = new Set<string>()
  const empty: Pair[] = []
  const longest: Pair[] = []
  const tail: Pair[] = []
  for (const { kind, what, valueBytes, most, goesOn } of KINDS) {
    const many: Pair[] = []
    const wentOn = new Set<Rival>()
    const pairs = await alternate(async (rival) => {
      const server = await startServer(rival)
      lines.add(server.commandLine)
      try {
        if (kind === 'keys') note(empty, rival, residentBytes(server.pid) / 1e6)
        const pinger =
          kind === 'keys'
            ? startChild<{ latencies: number[] }>('ping', { port: server.port, words: ['PING'], everyMs: 1 })
            : undefined
        await pinger?.ready
        const load = { port: server.port, kind, count: scale.keys, valueBytes }
        await startChild('load', load).result
        if (pinger !== undefined) {
          pinger.finish()
          const { latencies } = await pinger.result
          note(longest, rival, latencies.at(-1)!)
          note(tail, rival, percentile(latencies, 99.9))
        }
        await settled()
        const before = residentBytes(server.pid)
        await startChild('load', { ...load, from: scale.keys }).result
        await settled()
        const after = residentBytes(server.pid)
        // Once: it takes as long as all rounds before.
        if (goesOn && !wentOn.has(rival)) {
          wentOn.add(rival)
          await startChild('load', { ...load, from: 2 * scale.keys, count: (TIMES - 2) * scale.keys }).result
          await settled()
          note(many, rival, (residentBytes(server.pid) - after) / ((TIMES - 2) * scale.keys))
        }
        return (after - before) / scale.keys
      } finally {
        await server.stop()
      }
    })
    const shown = (of: readonly Pair[], rival: Rival) => `${medianOf(of, rival).toFixed(1)} B`
    add(atMost(what, ratio(pairs), most, shown(pairs, 'respite'), shown(pairs, 'redis')))
    if (goesOn) {
      add(
        atMost(
          `${what}, up to ${TIMES} times as many`,
          ratio(many),
          most,
          shown(many, 'respite'),
          shown(many, 'redis'),
        ),
      )
    }
  }

  function note(list: Pair[], rival: Rival, value: number): void {
    if (rival === RIVALS[0]) list.push({ respite: 0, redis: 0 })
    list.at(-1)![rival] = value
  }

  function settled(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, scale.quick ? 1 : SETTLE_MS))
  }

  const megabytes = (rival: Rival): string => `${medianOf(empty, rival).toFixed(1)} MB`
  add({
    what: 'RSS of a server that holds nothing',
    respite: megabytes('respite'),
    redis: megabytes('redis'),
    figure: megabytes('respite'),
    target: '',
    met: undefined,
  })
  const theirs = (pairs: Pair[]) => `${medianOf(pairs, 'redis').toFixed(1)} ms`
  add(
    bounded(
      'longest wait of a PING while keys are loaded',
      medianOf(longest, 'respite'),
      PAUSE_MS_MAX,
      'ms',
      theirs(longest),
    ),
  )
  add({
    ...bounded('p99.9 of the PINGs while keys are loaded', medianOf(tail, 'respite'), PAUSE_MS_MAX, 'ms', theirs(tail)),
    target: '',
    met: undefined,
  })
  return {
    title: `Memory, and pauses: ${scale.keys.toLocaleString('en')} keys`,
    commandLines: [...lines],
    rows,
    notes: [
      'RSS is VmRSS of /proc. The cost of one more is measured with the second million, so that what a server takes for itself (program, runtime, code that V8 compiles under its first load) is not divided among elements. One pipelined client loads; another asks PING every millisecond; each is a process of its own.',
    ],
  }
}

export const memory: Question = { name: 'memory', ask }
