// The figures: counters, and the durations of commands and of stalls of the loop.

import type { Clock } from '../../util/time/clock.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { CommandTimes, type CommandTimesHost } from './command-times.ts'
import { HttpFigures } from './http-figures.ts'
import { LatencyMonitor } from './latency-monitor.ts'
import { LoopStalls } from './loop-stalls.ts'
import { SlowLog } from './slow-log.ts'
import { Stats } from './stats.ts'

export type FiguresRoomHost = CommandTimesHost & {
  readonly environment: { readonly clock: Clock; readonly workClock: Clock; readonly unitClock: UnitClock }
}

export class FiguresRoom {
  readonly stats = new Stats()
  readonly http = new HttpFigures()
  readonly latency: LatencyMonitor
  readonly pauses: LoopStalls
  readonly slowLog: SlowLog
  readonly times: CommandTimes

  constructor(host: FiguresRoomHost) {
    const { config } = host
    const { clock, unitClock, workClock } = host.environment
    this.latency = new LatencyMonitor(config, clock)
    this.pauses = new LoopStalls(config, workClock, this.latency)
    this.slowLog = new SlowLog(config, unitClock)
    this.times = new CommandTimes(host, this)
  }
}
