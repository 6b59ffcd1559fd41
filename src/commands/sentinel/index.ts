import type { Command } from '../../engine/spec/command.ts'
import { sentinel } from './sentinel.ts'
import { sentinelCkquorum } from './sentinel-ckquorum.ts'
import { sentinelGetMasterAddrByName } from './sentinel-get-master-addr-by-name.ts'
import { sentinelHelp } from './sentinel-help.ts'
import { sentinelInfoCache } from './sentinel-info-cache.ts'
import { sentinelIsMasterDownByAddr } from './sentinel-is-master-down-by-addr.ts'
import {
  sentinelMaster,
  sentinelMasters,
  sentinelReplicas,
  sentinelSentinels,
  sentinelSlaves,
} from './sentinel-masters.ts'
import { sentinelMyid } from './sentinel-myid.ts'

export const sentinelCommands: readonly Command[] = [
  sentinel,
  sentinelCkquorum,
  sentinelGetMasterAddrByName,
  sentinelHelp,
  sentinelInfoCache,
  sentinelIsMasterDownByAddr,
  sentinelMaster,
  sentinelMasters,
  sentinelMyid,
  sentinelReplicas,
  sentinelSentinels,
  sentinelSlaves,
]
