// Slots that move between two nodes of ours, by MIGRATE, while commands go to other slots.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/util/numbers/random.ts'
import { Comparison, type Subject } from './comparison.ts'
import type { Link } from './link.ts'
import type { Oracle } from './oracle.ts'
import { OurServer } from './our-server.ts'
import { Traffic } from './traffic.ts'

const IDS = ['1'.repeat(40), '2'.repeat(40)] as const
/** One slot for each lane. */
const PREFIXES = ['{a}', '{b}', '{c}']
/** The oracle is no cluster: there all of it lies in one database that nothing else uses. */
const ORACLE_DATABASE = 15
const KEYS_AT_ONCE = 60

export interface SlotsOptions {
  readonly seed: number
  readonly oracle: Oracle
  readonly restless: number | undefined
  readonly moves: number
  readonly fillerBytes: number
  readonly units: number
}

/** Judges two new nodes; returns what was compared. Throws Difference. */
export async function judgeSlots({
  seed,
  oracle,
  restless,
  moves,
  fillerBytes,
  units,
}: SlotsOptions): Promise<Comparison> {
  const random = new Random(seed)
  const nodes = IDS.map(
    () => new OurServer(['--appendonly', 'yes', '--cluster-enabled', 'yes', '--databases', '1'], restless),
  )
  /** Which node has a lane's slot. */
  const owners = PREFIXES.map(() => 0)
  const subject: Subject = {
    link: (lane) => nodes[owners[lane]!]!.link(lane),
    readers: () => Promise.all(nodes.map((node) => node.link(0))),
  }
  const { only } = oracle
  const traffic = new Traffic(seed, { prefixes: PREFIXES, databases: [0], ...(only && { only }) })
  const scope = { databases: [0], lanes: PREFIXES.length, units, shift: ORACLE_DATABASE, expiryToleranceMs: 10_000 }
  const comparison = new Comparison(subject, oracle, traffic, scope)
  // A move makes values anew, as RESTORE does.
  comparison.encodings = false
  try {
    await Promise.all(nodes.map((node, i) => startNode(node, i)))
    for (let move = 0; move < moves; move++) {
      await comparison.write(3, fillerBytes)
      const lane = random.below(PREFIXES.length)
      const others = PREFIXES.map((_, other) => other).filter((other) => other !== lane)
      const from = owners[lane]!
      await moveSlot(nodes, from, PREFIXES[lane]!, async () => {
        const other = others[random.below(others.length)]!
        await comparison.send(other, traffic.units(other, 8))
      })
      owners[lane] = 1 - from
      comparison.note(`slot of ${PREFIXES[lane]} moved from node ${from}`)
      await comparison.check(`after a slot has moved`)
    }
    return comparison
  } finally {
    for (const node of nodes) await node.remove()
  }
}

/** Both know each other from their files; the first has all slots. Where the other listens is said when keys move. */
async function startNode(node: OurServer, index: number): Promise<void> {
  const line = (i: number, slots: string): string =>
    `${IDS[i]} 127.0.0.1:${i + 1}@${i + 1} ${i === index ? 'myself,' : ''}master - 0 0 ${i + 1} connected${slots}\n`
  writeFileSync(
    join(node.directory, 'nodes.conf'),
    `${line(0, ' 0-16383')}${line(1, '')}vars currentEpoch 2 lastVoteEpoch 0\n`,
  )
  await node.start()
}

/** Moves the slot of a tag as `redis-cli --cluster reshard` does; `meanwhile` runs between its steps. */
async function moveSlot(
  nodes: readonly OurServer[],
  from: number,
  tag: string,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const [source, target] = [nodes[from]!, nodes[1 - from]!]
  const slot = await source.ask('CLUSTER', 'KEYSLOT', tag)
  const port = target.port
  await expectOk(target, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', IDS[from]!)
  await expectOk(source, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', IDS[1 - from]!)
  while (true) {
    const keys = await keysIn(await source.link(CONTROL), slot)
    if (keys.length === 0) break
    const reply = await source.ask('MIGRATE', '127.0.0.1', port, '', '0', '60000', 'KEYS', ...keys)
    // Those that expired in between are no keys any more.
    if (reply !== 'OK' && reply !== 'NOKEY') throw new Error(`MIGRATE was answered ${reply}`)
    await meanwhile()
  }
  await expectOk(target, 'CLUSTER', 'SETSLOT', slot, 'NODE', IDS[1 - from]!)
  await expectOk(source, 'CLUSTER', 'SETSLOT', slot, 'NODE', IDS[1 - from]!)
}

async function keysIn(link: Link, slot: string): Promise<string[]> {
  const [reply] = await link.ask([['CLUSTER', 'GETKEYSINSLOT', slot, String(KEYS_AT_ONCE)]])
  return reply!.children.map(({ head }) => head.slice(head.indexOf('\r\n') + 2, -2))
}

async function expectOk(node: OurServer, ...words: string[]): Promise<void> {
  const reply = await node.ask(...words)
  if (reply !== 'OK') throw new Error(`${words.join(' ')} was answered ${reply}`)
}

/** A connection that no lane uses. */
const CONTROL = 9
