import type { Command } from '../../engine/spec/command.ts'
import { xack } from './xack.ts'
import { xadd } from './xadd.ts'
import { xautoclaim } from './xautoclaim.ts'
import { xclaim } from './xclaim.ts'
import { xdel } from './xdel.ts'
import { xgroup, xgroupHelp } from './xgroup.ts'
import { xgroupCreateConsumer, xgroupDelConsumer } from './xgroup-consumers.ts'
import { xgroupCreate } from './xgroup-create.ts'
import { xgroupDestroy } from './xgroup-destroy.ts'
import { xgroupSetId } from './xgroup-setid.ts'
import { xinfo, xinfoHelp } from './xinfo.ts'
import { xinfoConsumers } from './xinfo-consumers.ts'
import { xinfoGroups } from './xinfo-groups.ts'
import { xinfoStream } from './xinfo-stream.ts'
import { xlen } from './xlen.ts'
import { xpending } from './xpending.ts'
import { xrange, xrevrange } from './xrange.ts'
import { xread, xreadgroup } from './xread.ts'
import { xsetid } from './xsetid.ts'
import { xtrim } from './xtrim.ts'

export const streamCommands: readonly Command[] = [
  xadd,
  xtrim,
  xdel,
  xlen,
  xrange,
  xrevrange,
  xread,
  xreadgroup,
  xack,
  xpending,
  xclaim,
  xautoclaim,
  xsetid,
  xgroup,
  xgroupCreate,
  xgroupSetId,
  xgroupDestroy,
  xgroupCreateConsumer,
  xgroupDelConsumer,
  xgroupHelp,
  xinfo,
  xinfoStream,
  xinfoGroups,
  xinfoConsumers,
  xinfoHelp,
]
