// The figures: counters, and how long commands and pauses of the process take.

import { CommandTimes, type CommandTimesHost } from './command-times.ts'
import { HttpFigures } from './http-figures.ts'
import { LatencyMonitor, type LatencyMonitorHost } from './latency-monitor.ts'
import { LoopStalls, type LoopStallsHost } from './loop-stalls.ts'
import { SlowLog, type SlowLogHost } from './slow-log.ts'
import { Stats } from './stats.ts'

export type FiguresRoomHost = CommandTimesHost & LatencyMonitorHost & LoopStallsHost & SlowLogHost

export class FiguresRoom {
  readonly stats = new Stats()
  readonly http = new HttpFigures()
  readonly latency: LatencyMonitor
  readonly pauses: LoopStalls
  readonly slowLog: SlowLog
  readonly times: CommandTimes

  constructor(host: FiguresRoomHost) {
    this.latency = new LatencyMonitor(host)
    this.pauses = new LoopStalls(host)
    this.slowLog = new SlowLog(host)
    this.times = new CommandTimes(host, this)
  }
}
