// Calls of commands, and the time they take; replies that are errors.

import { spentMicroseconds } from '../commands/server/info-table.ts'
import type { Command } from '../engine/command.ts'
import type { Engine } from '../engine/engine.ts'
import type { Readings, Sample } from './reading.ts'

/** Error codes are made up by scripts: what does not look like one of Redis's is counted under this. */
const OTHER_ERRORS = 'OTHER'
/** There are as many samples as the engine keeps codes (`Stats`), each no longer than this. */
const ERROR_CODE = /^[A-Z][A-Z0-9_]{0,31}$/

export function addCommandMetrics(readings: Readings, engine: Engine): void {
  const ofCommands = (name: string, help: string, read: (command: Command) => number): void =>
    readings.add({ name, help, type: 'counter', read: () => perCommand(engine, read) })
  ofCommands('redis_commands_total', 'Calls of a command.', ({ calls }) => calls)
  ofCommands(
    'redis_commands_duration_seconds_total',
    'Time spent in a command; about every sixteenth call is timed.',
    (command) => spentMicroseconds(command) / 1e6,
  )
  ofCommands(
    'redis_commands_rejected_calls_total',
    'Calls of a command that were refused before it ran.',
    ({ rejected }) => rejected,
  )
  ofCommands('redis_commands_failed_calls_total', 'Calls of a command that failed.', ({ failed }) => failed)
  readings.add({
    name: 'redis_errors_total',
    help: 'Errors that were replied, by their code.',
    type: 'counter',
    read: () => errors(engine),
  })
}

/** Of commands that nobody has called there is nothing to tell. */
function* perCommand(engine: Engine, read: (command: Command) => number): Iterable<Sample> {
  for (const command of engine.commands.all()) {
    if (command.calls === 0 && command.rejected === 0 && command.failed === 0) continue
    yield { labels: { cmd: command.name }, value: read(command) }
  }
}

function* errors({ stats }: Engine): Iterable<Sample> {
  let others = 0
  for (const [code, value] of stats.errors) {
    if (ERROR_CODE.test(code) && code !== OTHER_ERRORS) yield { labels: { err: code }, value }
    else others += value
  }
  if (others > 0) yield { labels: { err: OTHER_ERRORS }, value: others }
}
