import type { Command } from '../../engine/spec/command.ts'
import { asking } from './asking.ts'
import { cluster } from './cluster.ts'
import {
  clusterAddslots,
  clusterAddslotsrange,
  clusterDelslots,
  clusterDelslotsrange,
  clusterFlushslots,
} from './cluster-addslots.ts'
import { clusterBumpepoch, clusterSetConfigEpoch } from './cluster-bumpepoch.ts'
import { clusterCountFailureReports } from './cluster-count-failure-reports.ts'
import { clusterFailover } from './cluster-failover.ts'
import { clusterForget } from './cluster-forget.ts'
import { clusterHelp } from './cluster-help.ts'
import { clusterInfo } from './cluster-info.ts'
import { clusterCountkeysinslot, clusterGetkeysinslot, clusterKeyslot } from './cluster-keyslot.ts'
import { clusterLinks } from './cluster-links.ts'
import { clusterMeet } from './cluster-meet.ts'
import { clusterMoves } from './cluster-moves.ts'
import { clusterCancelmoves, clusterMoveslots } from './cluster-moveslots.ts'
import { clusterMyid, clusterMyshardid } from './cluster-myid.ts'
import { clusterNodes, clusterReplicas, clusterSlaves } from './cluster-nodes.ts'
import { clusterReceive } from './cluster-receive.ts'
import { clusterReplicate } from './cluster-replicate.ts'
import { clusterReset } from './cluster-reset.ts'
import { clusterSaveconfig } from './cluster-saveconfig.ts'
import { clusterSetslot } from './cluster-setslot.ts'
import { clusterShards } from './cluster-shards.ts'
import { clusterSlots } from './cluster-slots.ts'
import { readonly, readwrite } from './readonly.ts'

export const clusterCommands: readonly Command[] = [
  asking,
  cluster,
  clusterAddslots,
  clusterAddslotsrange,
  clusterBumpepoch,
  clusterCancelmoves,
  clusterCountFailureReports,
  clusterCountkeysinslot,
  clusterDelslots,
  clusterDelslotsrange,
  clusterFailover,
  clusterFlushslots,
  clusterForget,
  clusterGetkeysinslot,
  clusterHelp,
  clusterInfo,
  clusterKeyslot,
  clusterLinks,
  clusterMeet,
  clusterMoves,
  clusterMoveslots,
  clusterMyid,
  clusterMyshardid,
  clusterNodes,
  clusterReceive,
  clusterReplicas,
  clusterReplicate,
  clusterReset,
  clusterSaveconfig,
  clusterSetConfigEpoch,
  clusterSetslot,
  clusterShards,
  clusterSlaves,
  clusterSlots,
  readonly,
  readwrite,
]
