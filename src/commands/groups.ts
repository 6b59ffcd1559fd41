// Every command, in its group. A new command needs its file, a line in its group's index, and `npm
// run docs`, which writes names.ts.

import type { CommandGroup } from '../engine/spec/command-catalog.ts'
import { bitmapCommands } from './bitmap/index.ts'
import { channelCommands } from './channel/index.ts'
import { clusterCommands } from './cluster/index.ts'
import { connectionCommands } from './connection/index.ts'
import { genericCommands } from './generic/index.ts'
import { geoCommands } from './geo/index.ts'
import { hashCommands } from './hash/index.ts'
import { hyperloglogCommands } from './hyperloglog/index.ts'
import { listCommands } from './list/index.ts'
import { pubsubCommands } from './pubsub/index.ts'
import { scriptingCommands } from './scripting/index.ts'
import { sentinelCommands } from './sentinel/index.ts'
import { serverCommands } from './server/index.ts'
import { setCommands } from './set/index.ts'
import { sortedSetCommands } from './sorted-set/index.ts'
import { streamCommands } from './stream/index.ts'
import { stringCommands } from './string/index.ts'
import { transactionsCommands } from './transactions/index.ts'

/**
 * A group's list is read when the group is first looked up. In the package the group is loaded then
 * (scripts/parts.ts).
 */
export const groups = {
  string: () => stringCommands,
  list: () => listCommands,
  hash: () => hashCommands,
  bitmap: () => bitmapCommands,
  hyperloglog: () => hyperloglogCommands,
  geo: () => geoCommands,
  'sorted-set': () => sortedSetCommands,
  set: () => setCommands,
  stream: () => streamCommands,
  generic: () => genericCommands,
  transactions: () => transactionsCommands,
  scripting: () => scriptingCommands,
  pubsub: () => pubsubCommands,
  channel: () => channelCommands,
  connection: () => connectionCommands,
  cluster: () => clusterCommands,
  server: () => serverCommands,
  sentinel: () => sentinelCommands,
} as const satisfies Record<string, CommandGroup['commands']>
