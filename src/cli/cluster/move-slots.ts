// `respite cluster move-slots`: makes a shard give slots to another, and shows the progress.

import type { Terminal } from '../../prover/terminal.ts'
import { sleep } from '../../util/time/real-time.ts'
import { UsageError } from '../usage-error.ts'
import { type Answer, BrokerConnection, BrokerError, readCredentials, valueIn } from './broker-connection.ts'
import { type CommandLine, readAddress } from './command-line.ts'
import { type ClusterShard, leaderOf, shardsAt } from './shards.ts'

const SLOT_MAX = 16383
const LOOK_MS = 500

/** Returns 0 when all slots have moved. */
export async function moveSlots(words: CommandLine, terminal: Terminal): Promise<number> {
  const place = readAddress(words.need('--node'))
  const [from, to] = [words.need('--from'), words.need('--to')]
  const ranges = words.take('--slots')
  const count = words.takeCount('--count')
  const entry = readCredentials(words)
  words.end()
  if ((ranges === undefined) === (count === undefined)) throw new UsageError("give either '--slots' or '--count'")
  const any = await BrokerConnection.open(place, entry)
  const shards = await shardsAt(any)
  any.close()
  const { leader, shard } = await leaderOf(from, shards, entry)
  try {
    const chosen = ranges === undefined ? lastSlots(shard, count ?? 0) : readRanges(ranges)
    const asked = chosen.flatMap(([first, last]) => [String(first), String(last)])
    await leader.ask('CLUSTER', 'MOVESLOTS', to, ...asked)
    terminal.print(`${from} gives ${to} the slots ${chosen.map(([first, last]) => `${first}-${last}`).join(',')}`)
    return await watch(leader, to, terminal)
  } finally {
    leader.close()
  }
}

/** The last slots of a shard, `count` of them, as ranges. */
function lastSlots({ slots }: ClusterShard, count: number): [number, number][] {
  const chosen: [number, number][] = []
  let left = count
  for (const [first, last] of slots.toReversed()) {
    if (left === 0) break
    const taken = Math.min(left, last - first + 1)
    chosen.unshift([last - taken + 1, last])
    left -= taken
  }
  if (left > 0) throw new UsageError(`it has only ${count - left} slots`)
  return chosen
}

/** Reads `0-100,200`. */
function readRanges(text: string): [number, number][] {
  return text.split(',').map((range) => {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? []
    if (first === undefined || Number(last) > SLOT_MAX || Number(first) > Number(last))
      throw new UsageError(`'${range}' are not slots: use 0 to ${SLOT_MAX}, such as 5 or 0-100`)
    return [Number(first), Number(last)]
  })
}

/** Prints the progress of the moves to a shard, until there are none any more. */
async function watch(leader: BrokerConnection, to: string, terminal: Terminal): Promise<number> {
  let shown = ''
  while (true) {
    const moves = (await leader.ask('CLUSTER', 'MOVES')) as readonly Answer[]
    const last = moves.filter((move) => valueIn(move, 'to') === to).at(-1)
    if (last === undefined) throw new BrokerError(`${leader.address} knows of no move to ${to}`)
    const failure = String(valueIn(last, 'failure') ?? '')
    const line = `${valueIn(last, 'state')}: ${valueIn(last, 'keys-moved')} keys moved${failure === '' ? '' : `; ${failure}`}`
    if (line !== shown) terminal.print(line)
    shown = line
    const state = valueIn(last, 'state')
    if (state === 'done') return 0
    if (state === 'cancelled') return 1
    await sleep(LOOK_MS)
  }
}
