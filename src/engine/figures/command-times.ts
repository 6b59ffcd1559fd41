// The durations of commands, for INFO commandstats and latencystats, LATENCY HISTOGRAM, SLOWLOG and
// the event `command` of LATENCY.
//
// Not every call is timed (see Runner). A timed call stands for all calls of its command since the
// one timed before. The few calls after it are taken to be like it when a client asks. Commands
// that may take long are always timed. So SLOWLOG misses a fast command in the middle of a pipeline
// only when the whole process stood still; LATENCY shows that as `event-loop` or
// `garbage-collection`. When the settings ask for durations of a millisecond or less, every command
// is timed (docs/decisions/0021).
//
// A command whose client was parked is counted as one call when its client is answered. Its
// duration is that of all its runs, without the waiting, as in Redis.

import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { LatencyHistogram } from '../../util/time/latency-histogram.ts'
import type { Client } from '../clients/client.ts'
import type { Log } from '../log.ts'
import type { Call } from '../requests/call.ts'
import type { Command } from '../spec/command.ts'
import type { LatencyMonitor } from './latency-monitor.ts'
import type { SlowLog } from './slow-log.ts'

/** A command of constant time takes longer than this only when the whole process stands still. */
const CONSTANT_TIME_MS_MAX = 1
/** `watchdog-period` is never less. Redis's. */
const WATCHDOG_MS_MIN = 200

export interface CommandTimesHost {
  readonly config: Config
  readonly environment: {
    readonly log: Log
  }
  readonly requests: {
    readonly runner: { readonly call: Call | undefined; timeNext(): void }
  }
}

export class CommandTimes {
  /** True while every command is to be timed. */
  wantsAll = false
  readonly #host: CommandTimesHost
  readonly #latency: LatencyMonitor
  readonly #slowLog: SlowLog
  #tracks = true
  /** Commands that take at least this long go into SLOWLOG; infinite = none do. */
  #slowMs = Number.POSITIVE_INFINITY
  /** Commands that take at least this long are logged; infinite = none are. */
  #watchdogMs = Number.POSITIVE_INFINITY
  /** The least of the three thresholds: of SLOWLOG, of the watchdog and of LATENCY. */
  #notableMs = Number.POSITIVE_INFINITY

  constructor(host: CommandTimesHost, { latency, slowLog }: { latency: LatencyMonitor; slowLog: SlowLog }) {
    this.#host = host
    this.#latency = latency
    this.#slowLog = slowLog
    const { config } = host
    config.onChange('latency-tracking', () => this.#configure())
    config.onChange('slowlog-log-slower-than', () => this.#changed())
    config.onChange('latency-monitor-threshold', () => this.#changed())
    config.onChange('watchdog-period', () => this.#changed())
    this.#configure()
  }

  #changed(): void {
    this.#configure()
    this.#host.requests.runner.timeNext()
  }

  #configure(): void {
    const { config } = this.#host
    const slowerThan = config.get('slowlog-log-slower-than')
    this.#tracks = config.get('latency-tracking')
    this.#slowMs = slowerThan < 0 ? Number.POSITIVE_INFINITY : slowerThan / 1000
    const watchdogMs = config.get('watchdog-period')
    this.#watchdogMs = watchdogMs === 0 ? Number.POSITIVE_INFINITY : Math.max(WATCHDOG_MS_MIN, watchdogMs)
    this.#notableMs = Math.min(this.#slowMs, this.#latency.thresholdMs, this.#watchdogMs)
    this.wantsAll = this.#notableMs <= CONSTANT_TIME_MS_MAX
  }

  /** Notes the duration of a call; `args` are those that it began with. */
  note(call: Call, command: Command, args: Arguments, milliseconds: number): void {
    const { client } = call
    if (client.requests.parked) {
      // The call is counted when the client is served.
      client.requests.parkedRunMs += milliseconds
      command.calls--
      command.untimed--
      return
    }
    this.#count(command, milliseconds)
    if (milliseconds >= this.#notableMs && client.connection.origin !== 'replay') {
      this.#tell(command, args, call.fromScript ? undefined : client, milliseconds)
    }
  }

  /** Counts a command whose parked client was answered. */
  answered(client: Client, command: Command, args: Arguments): void {
    const milliseconds = client.requests.parkedRunMs
    command.calls++
    command.untimed++
    this.#count(command, milliseconds)
    if (milliseconds >= this.#notableMs) this.#tell(command, args, client, milliseconds)
  }

  #count(command: Command, milliseconds: number): void {
    command.microseconds += milliseconds * 1000 * command.untimed
    if (this.#tracks) {
      command.latencies ??= new LatencyHistogram()
      command.latencies.note(milliseconds * 1e6, command.untimed)
    }
    command.untimed = 0
  }

  #tell(command: Command, args: Arguments, client: Client | undefined, milliseconds: number): void {
    const { log } = this.#host.environment
    if (milliseconds >= this.#slowMs) this.#slowLog.add(command, args, client, Math.floor(milliseconds * 1000))
    // Redis looks into a command that still runs, and logs its stack. Here the line is logged when
    // the command has ended.
    if (milliseconds >= this.#watchdogMs)
      log.warn({ command: command.name, milliseconds: Math.floor(milliseconds) }, '--- WATCHDOG TIMER EXPIRED ---')
    this.#latency.note(command.isFast ? 'fast-command' : 'command', milliseconds)
  }

  /** Returns the number of calls of a command that have ended. */
  callsOf(command: Command): number {
    const ended = command.calls - this.#running(command)
    assert(ended >= 0, 'a call that has ended was counted when it began')
    return ended
  }

  #running(command: Command): 0 | 1 {
    return this.#host.requests.runner.call?.command === command ? 1 : 0
  }

  /** Returns the microseconds spent in the calls of a command that have ended. */
  microsecondsOf(command: Command): number {
    this.#settle(command)
    return command.microseconds
  }

  /**
   * Returns the durations of a command's calls while `latency-tracking` was on; undefined = there
   * were none.
   */
  latenciesOf(command: Command): LatencyHistogram | undefined {
    this.#settle(command)
    return command.latencies
  }

  /** Counts calls that were not timed as if they had taken as long as the timed ones. */
  #settle(command: Command): void {
    // A command that may take long is always timed. If it has an untimed call, that call is still
    // running.
    if (command.mayTakeLong) return
    const untimed = command.untimed - this.#running(command)
    const timed = command.calls - command.untimed
    assert(timed >= 0 && command.untimed >= 0, 'a call is timed, or counted as not timed')
    if (untimed <= 0 || timed <= 0) return
    command.microseconds += (command.microseconds / timed) * untimed
    command.latencies?.noteLikeLast(untimed)
    command.untimed -= untimed
  }
}
