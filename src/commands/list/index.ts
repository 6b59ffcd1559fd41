import type { Command } from '../../engine/spec/command.ts'
import { blpop, brpop } from './blpop.ts'
import { lindex } from './lindex.ts'
import { linsert } from './linsert.ts'
import { llen } from './llen.ts'
import { blmpop, lmpop } from './lmpop.ts'
import { lpos } from './lpos.ts'
import { lrange } from './lrange.ts'
import { lrem } from './lrem.ts'
import { lset } from './lset.ts'
import { ltrim } from './ltrim.ts'
import { blmove, brpoplpush, lmove, rpoplpush } from './move.ts'
import { lpop, rpop } from './pop.ts'
import { lpush, lpushx, rpush, rpushx } from './push.ts'

export const listCommands: readonly Command[] = [
  lpush,
  rpush,
  lpushx,
  rpushx,
  lpop,
  rpop,
  lmpop,
  blmpop,
  blpop,
  brpop,
  lmove,
  rpoplpush,
  blmove,
  brpoplpush,
  llen,
  lindex,
  lset,
  linsert,
  lrange,
  ltrim,
  lrem,
  lpos,
]
