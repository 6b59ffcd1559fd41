// The brokers of a cluster under test: this program itself, on a log, with its address and clocks
// that are not right.

import { writeFileSync } from 'node:fs'
import type { ConfigSettings } from '../../config/config.ts'
import { Connection } from './connection.ts'
import type { Machine } from './machines.ts'
import { TrialProcess } from './trial-process.ts'

/** The name of the first shard, which clients use to ask for the leader. */
export const SHARD = 'prove'

/** The channel of the event that each RPUSH makes. A rule keeps its messages. */
export const PUSH_EVENTS = '__keyevent@0__:rpush'
/**
 * The messages that brokers keep (recorder.ts). Clocks of the day jump, so no message may grow too
 * old.
 */
const CHANNEL_RULES = `prove:*kept:* keep forever dedupe 1h ${PUSH_EVENTS} keep forever`

/**
 * How long sent messages may prove to be lost. Machines are cut off for up to 6 s (strikes.ts), and
 * TCP may take two more until the broker notices that a connection is gone.
 */
const REDELIVER_MS = 10_000

/**
 * Returns a file that is loaded before the program. The process's clocks and timers then run at this
 * rate, and its wall clock moves by the number of milliseconds that it is sent. Leases depend neither
 * on that clock nor on equal rates. The program itself knows nothing of it.
 */
function falseClock(rate: number): string {
  return `'use strict'
const hooks = require('node:perf_hooks')
const timers = require('node:timers')
const RATE = ${rate}
const clock = Date
const { now } = clock
const monotonic = hooks.performance.now.bind(hooks.performance)
const once = timers.setTimeout
const again = timers.setInterval
const began = { wall: now(), monotonic: monotonic() }
let aheadMs = 0
clock.now = () => Math.floor(began.wall + (now() - began.wall) * RATE) + aheadMs
Object.defineProperty(hooks.performance, 'now', {
  value: () => began.monotonic + (monotonic() - began.monotonic) * RATE,
})
timers.setTimeout = (run, ms, ...words) => once(run, ms / RATE, ...words)
timers.setInterval = (run, ms, ...words) => again(run, ms / RATE, ...words)
if (process.channel) {
  process.on('message', (ms) => { aheadMs = ms })
  process.channel.unref()
}
`
}

export interface BrokerOptions {
  readonly log: string
  /** The name of the shard; default: that of the first one. */
  readonly shard?: string
  /** The store for snapshots. */
  readonly snapshots: string
  /** The words that start this program. */
  readonly program: readonly string[]
  readonly settings: ConfigSettings
  /** The directory for their output. */
  readonly dir: string
  /** How fast the clocks of each broker run; default: all as fast as this machine's. */
  readonly clockRates?: readonly number[]
}

export function prepareBrokers(machines: readonly Machine[], options: BrokerOptions): TrialProcess[] {
  const { clockRates = [], dir, log, program, settings, shard = SHARD, snapshots } = options
  return machines.map((machine, i) => {
    const clock = `${dir}/clock-of-${machine.name}.cjs`
    writeFileSync(clock, falseClock(clockRates[i] ?? 1))
    const { host, name, ports, prefix } = machine
    const [port] = ports
    const all = {
      port: String(port),
      bind: host,
      'protected-mode': 'no',
      dir: machine.dir,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'shard-name': shard,
      channel: CHANNEL_RULES,
      redeliver: String(REDELIVER_MS),
      'notify-keyspace-events': 'El',
      'maint-notifications': 'yes',
      log,
      'log-snapshots': snapshots,
      ...settings,
    }
    const words = Object.entries(all).flatMap(([option, value]) => [`--${option}`, value])
    const [node = '', ...rest] = program
    const command = [...prefix, node, '--require', clock, ...rest, ...words]
    return new TrialProcess({ name, host, port, shard, command, logFile: `${dir}/${name}.log`, hears: true })
  })
}

/** A broker's report about its part in the log. */
export interface BrokerStatus {
  readonly leads: boolean
  readonly epoch: number
  readonly position: number
  /** Why it has stopped. */
  readonly failure: string
  readonly state: string
}

/** The time limit for that answer. */
const ASK_MS = 1000

/** Asks a broker for its part in the log; undefined when it does not answer. */
export async function statusOf({ host, isPaused, isUp, port }: TrialProcess): Promise<BrokerStatus | undefined> {
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
    // It is starting or stopping: it is asked again.
    return undefined
  } finally {
    connection.end()
  }
}
