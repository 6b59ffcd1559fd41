// Every command, registered statically, so that it bundles and embeds. A new one is its file and a line in its group's index.

import type { Command } from '../engine/command.ts'
import { bitmapCommands } from './bitmap/index.ts'
import { connectionCommands } from './connection/index.ts'
import { genericCommands } from './generic/index.ts'
import { listCommands } from './list/index.ts'
import { pubsubCommands } from './pubsub/index.ts'
import { serverCommands } from './server/index.ts'
import { stringCommands } from './string/index.ts'
import { transactionsCommands } from './transactions/index.ts'

export const commands: readonly Command[] = [
  ...stringCommands,
  ...listCommands,
  ...bitmapCommands,
  ...genericCommands,
  ...transactionsCommands,
  ...pubsubCommands,
  ...connectionCommands,
  ...serverCommands,
]
