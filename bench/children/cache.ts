// Uses a server as a cache: asks for keys of which few are wanted often, and stores what is
// missing. Reports how often it was there.

import Parser from 'redis-parser'
import { Zipf } from '../../test/support/zipf.ts'
import { childInput, reportAndExit } from '../child.ts'
import { encode, open } from '../wire.ts'

export interface CacheInput {
  port: number
  /** How many keys there are to ask for. */
  keys: number
  exponent: number
  seed: number
  valueBytes: number
  /** Questions before hits are counted: the cache is full by then. */
  warmUp: number
  /** Questions of which hits are counted. */
  counted: number
  /** Whether what is stored expires: policies that evict only such keys are asked with it. */
  expires: boolean
}

export interface CacheReport {
  hitRate: number
}

const BATCH_COMMANDS = 100
/** Far beyond the end of the run, in seconds; spread, so that `volatile-ttl` has a choice. */
const EXPIRY_SECONDS = 100_000

const { port, keys, exponent, seed, valueBytes, warmUp, counted, expires } = childInput<CacheInput>()
const zipf = new Zipf(keys, exponent, seed)
const value = 'v'.repeat(valueBytes)
let asked: string[] = []
let stores = 0
let answers = 0
let hits = 0
let counting = false
let wake: () => void = () => {}
let missing: string[] = []

const parser = new Parser({
  returnReply: (reply: unknown) => {
    // First what was stored is confirmed, then the questions are answered.
    if (answers >= stores) {
      if (reply === null) missing.push(asked[answers - stores]!)
      else if (counting) hits++
    }
    if (++answers === stores + asked.length) wake()
  },
  returnError: (error: Error) => {
    throw error
  },
})
const socket = await open(port, (buffer, length) => parser.execute(Buffer.from(buffer.subarray(0, length))))

const store = (key: string): string =>
  expires ? encode('SET', key, value, 'EX', String(EXPIRY_SECONDS + zipf.next())) : encode('SET', key, value)

for (let done = 0; done < warmUp + counted; done += BATCH_COMMANDS) {
  counting = done >= warmUp
  const stored = missing
  missing = []
  answers = 0
  stores = stored.length
  asked = Array.from({ length: BATCH_COMMANDS }, () => `key:${zipf.next()}`)
  const replied = new Promise<void>((resolve) => {
    wake = resolve
  })
  socket.write(stored.map(store).join('') + asked.map((key) => encode('GET', key)).join(''), 'latin1')
  await replied
}
reportAndExit({ hitRate: hits / counted } satisfies CacheReport)
