// How long commands take: for INFO commandstats and latencystats, LATENCY HISTOGRAM, SLOWLOG and the event `command` of LATENCY.
//
// Not every call is timed (see Runner). One that is stands for those of its command since the last one that was; the few that
// came after it are taken to be like it when somebody asks. What takes long by its nature is always timed, so what SLOWLOG may
// miss is a fast command in the middle of a pipeline, while the whole process stood still: LATENCY tells of that as `event-loop`
// or `garbage-collection`. Where durations of a millisecond or less are of interest, every command is timed
// (docs/decisions/0021).
//
// A command whose client was parked is told of when its client is answered, as one call: its time is that of all its runs, not
// of the waiting, as in Redis.

import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { LatencyHistogram } from '../../util/time/latency-histogram.ts'
import type { Client } from '../clients/client.ts'
import type { Log } from '../log.ts'
import type { Call } from '../requests/call.ts'
import type { Command } from '../spec/command.ts'
import type { LatencyMonitor } from './latency-monitor.ts'
import type { SlowLog } from './slow-log.ts'

/** Only a pause of the whole process makes a command of constant time take longer than this. */
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
  /** Every command is to be timed. */
  wantsAll = false
  readonly #host: CommandTimesHost
  readonly #latency: LatencyMonitor
  readonly #slowLog: SlowLog
  #tracks = true
  /** Commands that take at least so many milliseconds go into SLOWLOG; infinite = none do. */
  #slowMs = Number.POSITIVE_INFINITY
  /** Commands that take at least so many milliseconds are logged; infinite = none are. */
  #watchdogMs = Number.POSITIVE_INFINITY
  /** The least of what makes a command worth a look. */
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

  /** Takes how long a call ran; `args` are those that it came with. */
  note(call: Call, command: Command, args: Arguments, milliseconds: number): void {
    const { client } = call
    if (client.parked) {
      // It goes on when the client is served.
      client.parkedRunMs += milliseconds
      command.calls--
      command.untimed--
      return
    }
    this.#count(command, milliseconds)
    if (milliseconds >= this.#notableMs && client.origin !== 'replay') {
      this.#tell(command, args, call.fromScript ? undefined : client, milliseconds)
    }
  }

  /** The parked client of a command was answered. */
  answered(client: Client, command: Command, args: Arguments): void {
    const milliseconds = client.parkedRunMs
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
    // Redis looks into a command that still runs, and logs where it is; here only when it has ended somebody can look.
    if (milliseconds >= this.#watchdogMs)
      log.warn({ command: command.name, milliseconds: Math.floor(milliseconds) }, '--- WATCHDOG TIMER EXPIRED ---')
    this.#latency.note(command.isFast ? 'fast-command' : 'command', milliseconds)
  }

  /** Returns how many calls of a command have ended. */
  callsOf(command: Command): number {
    return command.calls - this.#running(command)
  }

  #running(command: Command): 0 | 1 {
    return this.#host.requests.runner.call?.command === command ? 1 : 0
  }

  /** Returns the microseconds spent in a command, as far as it has ended. */
  microsecondsOf(command: Command): number {
    this.#settle(command)
    return command.microseconds
  }

  /** Returns how long the calls of a command took while `latency-tracking` was on; undefined = there were none. */
  latenciesOf(command: Command): LatencyHistogram | undefined {
    this.#settle(command)
    return command.latencies
  }

  /** Takes calls that were not timed to be like those that were. */
  #settle(command: Command): void {
    // What may take long is always timed: where it is not yet, it is running, and so is whatever asks.
    if (command.mayTakeLong) return
    const untimed = command.untimed - this.#running(command)
    const timed = command.calls - command.untimed
    if (untimed <= 0 || timed <= 0) return
    command.microseconds += (command.microseconds / timed) * untimed
    command.latencies?.noteLikeLast(untimed)
    command.untimed -= untimed
  }
}
