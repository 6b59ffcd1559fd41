import type { Command } from '../../engine/spec/command.ts'
import { publish, spublish } from './publish.ts'
import { pubsub } from './pubsub.ts'
import { pubsubChannels, pubsubShardChannels } from './pubsub-channels.ts'
import { pubsubHelp } from './pubsub-help.ts'
import { pubsubNumpat } from './pubsub-numpat.ts'
import { pubsubNumsub, pubsubShardNumsub } from './pubsub-numsub.ts'
import { psubscribe, ssubscribe, subscribe } from './subscribe.ts'
import { punsubscribe, sunsubscribe, unsubscribe } from './unsubscribe.ts'

export const pubsubCommands: readonly Command[] = [
  subscribe,
  psubscribe,
  ssubscribe,
  unsubscribe,
  punsubscribe,
  sunsubscribe,
  publish,
  spublish,
  pubsub,
  pubsubChannels,
  pubsubNumsub,
  pubsubNumpat,
  pubsubShardChannels,
  pubsubShardNumsub,
  pubsubHelp,
]
