import type { Command } from '../../engine/spec/command.ts'
import { acl } from './acl.ts'
import { aclCat } from './acl-cat.ts'
import { aclDeluser } from './acl-deluser.ts'
import { aclDryrun } from './acl-dryrun.ts'
import { aclGenpass } from './acl-genpass.ts'
import { aclGetuser } from './acl-getuser.ts'
import { aclHelp } from './acl-help.ts'
import { aclList, aclUsers } from './acl-list.ts'
import { aclLoad, aclSave } from './acl-load.ts'
import { aclLog } from './acl-log.ts'
import { aclSetuser } from './acl-setuser.ts'
import { aclWhoami } from './acl-whoami.ts'
import { commandCount } from './command-count.ts'
import { commandDocs } from './command-docs.ts'
import { commandGetkeys, commandGetkeysandflags } from './command-getkeys.ts'
import { commandHelp } from './command-help.ts'
import { command, commandInfo } from './command-info.ts'
import { commandList } from './command-list.ts'
import { config } from './config.ts'
import { configGet } from './config-get.ts'
import { configHelp } from './config-help.ts'
import { configResetstat } from './config-resetstat.ts'
import { configRewrite } from './config-rewrite.ts'
import { configSet } from './config-set.ts'
import { dbsize } from './dbsize.ts'
import { debug } from './debug.ts'
import { failover } from './failover.ts'
import { flushall, flushdb } from './flush.ts'
import { info } from './info.ts'
import { latency } from './latency.ts'
import { latencyDoctor } from './latency-doctor.ts'
import { latencyGraph } from './latency-graph.ts'
import { latencyHelp } from './latency-help.ts'
import { latencyHistogram } from './latency-histogram.ts'
import { latencyHistory, latencyLatest, latencyReset } from './latency-latest.ts'
import { lolwut } from './lolwut.ts'
import { memory } from './memory.ts'
import { memoryDoctor, memoryMallocStats, memoryPurge } from './memory-doctor.ts'
import { memoryHelp } from './memory-help.ts'
import { memoryStats } from './memory-stats.ts'
import { memoryUsage } from './memory-usage.ts'
import { module } from './module.ts'
import { moduleHelp } from './module-help.ts'
import { moduleList } from './module-list.ts'
import { moduleLoad, moduleLoadex, moduleUnload } from './module-load.ts'
import { monitor } from './monitor.ts'
import { replconf } from './replconf.ts'
import { replicaof, slaveof } from './replicaof.ts'
import { restoreAsking } from './restore-asking.ts'
import { role } from './role.ts'
import { bgrewriteaof, bgsave, lastsave, save } from './save.ts'
import { shutdown } from './shutdown.ts'
import { slowlog } from './slowlog.ts'
import { slowlogGet, slowlogLen, slowlogReset } from './slowlog-get.ts'
import { slowlogHelp } from './slowlog-help.ts'
import { swapdb } from './swapdb.ts'
import { psync, sync } from './sync.ts'
import { time } from './time.ts'

export const serverCommands: readonly Command[] = [
  acl,
  aclCat,
  aclDeluser,
  aclDryrun,
  aclGenpass,
  aclGetuser,
  aclHelp,
  aclList,
  aclLoad,
  aclLog,
  aclSave,
  aclSetuser,
  aclUsers,
  aclWhoami,
  bgrewriteaof,
  bgsave,
  command,
  commandCount,
  commandDocs,
  commandGetkeys,
  commandGetkeysandflags,
  commandHelp,
  commandInfo,
  commandList,
  config,
  configGet,
  configHelp,
  configResetstat,
  configRewrite,
  configSet,
  dbsize,
  debug,
  failover,
  flushall,
  flushdb,
  info,
  lastsave,
  latency,
  latencyDoctor,
  latencyGraph,
  latencyHelp,
  latencyHistogram,
  latencyHistory,
  latencyLatest,
  latencyReset,
  lolwut,
  memory,
  memoryDoctor,
  memoryHelp,
  memoryMallocStats,
  memoryPurge,
  memoryStats,
  memoryUsage,
  module,
  moduleHelp,
  moduleList,
  moduleLoad,
  moduleLoadex,
  moduleUnload,
  monitor,
  psync,
  replconf,
  replicaof,
  restoreAsking,
  role,
  save,
  shutdown,
  slaveof,
  slowlog,
  slowlogGet,
  slowlogHelp,
  slowlogLen,
  slowlogReset,
  swapdb,
  sync,
  time,
]
