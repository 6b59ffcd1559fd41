// An engine beside another one, into which files are replayed. It has the commands, settings and
// clocks of the other engine, and none of its data.
//
// It serves no client and stores nothing; `stop` ends it. It uses the hash seeds of the other
// engine, so the same names find the keys of both.

import { catalog } from '../../commands/catalog.ts'
import { makeParts } from '../../commands/parts.ts'
import { Config, type ConfigSettings } from '../../config/config.ts'
import { Engine } from '../../engine/engine.ts'
import { noParts } from '../../engine/parts.ts'

/** Settings that would make it do more than replay. */
const QUIET: ConfigSettings = {
  appendonly: 'no',
  replicaof: 'no one',
  save: '',
  log: '',
  maxmemory: '0',
  'key-load-delay': '0',
  'notify-keyspace-events': '',
}

export function secondEngine({
  environment: { clock, later, workClock },
  commands,
  config,
  data: { dataset },
}: Engine): Engine {
  const engine = new Engine(
    {
      commands: commands.catalog,
      config: new Config({ ...config.changed(), ...QUIET }),
      clock,
      workClock,
      later,
      hashKey: dataset.hashKey,
    },
    makeParts,
  )
  // The log has requests as the client sent them.
  for (const [from, to] of commands.renames) engine.commands.rename(from, to)
  engine.data.dataset.freesInSteps = true
  // The memory of the first engine's data is not garbage.
  engine.upkeep.memory.besideBytes = () =>
    dataset.databases.reduce((sum, { arena }) => sum + arena.reservedBytes, dataset.usedBytes)
  return engine
}

/**
 * Makes an engine that holds no data and runs no command, for programs that replay files without a
 * server.
 */
export function emptyEngine(config: Config): Engine {
  return new Engine({ commands: catalog, config }, noParts)
}
