// An engine beside another, which files are replayed into: with its commands, settings and clocks, and nothing of its data.
//
// It serves nobody, keeps nothing and ends by `stop`. Hashes are the first one's, so that keys of the two are found by the same.

import { makeParts } from '../../commands/parts.ts'
import { Config, type ConfigSettings } from '../../config/config.ts'
import { Engine } from '../../engine/engine.ts'

/** Settings that would have it do more than replay. */
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
  // The log has requests as they came.
  for (const [from, to] of commands.renames) engine.commands.rename(from, to)
  engine.data.dataset.freesInSteps = true
  // What the first one stores is no garbage.
  engine.upkeep.memory.besideBytes = () =>
    dataset.databases.reduce((sum, { arena }) => sum + arena.reservedBytes, dataset.usedBytes)
  return engine
}
