// The brokers of a cluster on trial: this very program, on a log, told its place and, now and then, another time of day.

import { writeFileSync } from 'node:fs'
import type { ConfigSettings } from '../../config/config.ts'
import { Connection } from './connection.ts'
import type { Machine } from './machines.ts'
import { Member } from './member.ts'

/** The name under which clients ask for the leader. */
export const SHARD = 'prove'

/** The channel of the event that each RPUSH makes. A rule keeps its messages. */
export const PUSH_EVENTS = '__keyevent@0__:rpush'
/** The messages that brokers keep (recorder.ts). Clocks of the day jump, so no message may grow too old. */
const CHANNEL_RULES = `prove:*kept:* keep forever dedupe 1h ${PUSH_EVENTS} keep forever`

/** Loaded before the program: its clock of the day goes ahead by what it is told. Leases must not care. */
const SHIFTED_CLOCK = `'use strict'
const clock = Date
const { now } = clock
let aheadMs = 0
clock.now = () => now() + aheadMs
if (process.channel) {
  process.on('message', (ms) => { aheadMs = ms })
  process.channel.unref()
}
`

export interface BrokerOptions {
  readonly log: string
  /** Where snapshots lie. */
  readonly snapshots: string
  /** The words that start this program. */
  readonly program: readonly string[]
  readonly settings: ConfigSettings
  /** Where what they say goes. */
  readonly dir: string
}

export function prepareBrokers(machines: readonly Machine[], options: BrokerOptions): Member[] {
  const { dir, log, program, settings, snapshots } = options
  const clock = `${dir}/clock.cjs`
  writeFileSync(clock, SHIFTED_CLOCK)
  return machines.map((machine) => {
    const { host, name, ports, prefix } = machine
    const port = ports[0]!
    const all = {
      port: String(port),
      bind: host,
      'protected-mode': 'no',
      dir: machine.dir,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'shard-name': SHARD,
      channel: CHANNEL_RULES,
      'notify-keyspace-events': 'El',
      log,
      'log-snapshots': snapshots,
      ...settings,
    }
    const words = Object.entries(all).flatMap(([option, value]) => [`--${option}`, value!])
    const [node = '', ...rest] = program
    const command = [...prefix, node, '--require', clock, ...rest, ...words]
    return new Member({ name, host, port, command, logFile: `${dir}/${name}.log`, hears: true })
  })
}

/** What a broker says of its place in the log. */
export interface Standing {
  readonly leads: boolean
  readonly epoch: number
  readonly position: number
  /** Why it has stopped. */
  readonly failure: string
  readonly state: string
}

/** How long a broker may take to answer that. */
const ASK_MS = 1000

/** Asks a broker where it stands; undefined = it does not say. */
export async function standingOf({ host, isPaused, isUp, port }: Member): Promise<Standing | undefined> {
  if (!isUp || isPaused) return undefined
  const connection = new Connection(host, port)
  try {
    const [info] = await connection.ask([['INFO', 'replication']], ASK_MS)
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(String(info))?.[1] ?? ''
    const state = field('log_state')
    if (state === '') return undefined
    return {
      leads: state === 'leading',
      epoch: Number(field('log_epoch')),
      position: Number(field('log_position')),
      failure: field('log_failure'),
      state,
    }
  } catch {
    // It is about to begin, or to end: it is asked again.
    return undefined
  } finally {
    connection.end()
  }
}
