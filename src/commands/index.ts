// Every command, registered statically, so that it bundles and embeds. A new one is its file and a line in its group's index.

import type { Command } from '../engine/command.ts'
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

export const commands: readonly Command[] = [
  ...stringCommands,
  ...listCommands,
  ...hashCommands,
  ...bitmapCommands,
  ...hyperloglogCommands,
  ...geoCommands,
  ...sortedSetCommands,
  ...setCommands,
  ...streamCommands,
  ...genericCommands,
  ...transactionsCommands,
  ...scriptingCommands,
  ...pubsubCommands,
  ...channelCommands,
  ...connectionCommands,
  ...clusterCommands,
  ...serverCommands,
  ...sentinelCommands,
]
