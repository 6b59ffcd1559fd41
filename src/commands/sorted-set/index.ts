import type { Command } from '../../engine/spec/command.ts'
import { bzpopmax, bzpopmin } from './bzpop.ts'
import { zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore } from './combine.ts'
import { zadd, zincrby } from './zadd.ts'
import { zcard } from './zcard.ts'
import { zcount, zlexcount } from './zcount.ts'
import { bzmpop, zmpop } from './zmpop.ts'
import { zpopmax, zpopmin } from './zpop.ts'
import { zrandmember } from './zrandmember.ts'
import {
  zrange,
  zrangebylex,
  zrangebyscore,
  zrangestore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
} from './zrange.ts'
import { zrank, zrevrank } from './zrank.ts'
import { zrem } from './zrem.ts'
import { zremrangebylex, zremrangebyrank, zremrangebyscore } from './zremrange.ts'
import { zscan } from './zscan.ts'
import { zmscore, zscore } from './zscore.ts'

export const sortedSetCommands: readonly Command[] = [
  zadd,
  zincrby,
  zrem,
  zremrangebyrank,
  zremrangebyscore,
  zremrangebylex,
  zpopmin,
  zpopmax,
  zmpop,
  bzpopmin,
  bzpopmax,
  bzmpop,
  zcard,
  zscore,
  zmscore,
  zrank,
  zrevrank,
  zcount,
  zlexcount,
  zrange,
  zrevrange,
  zrangebyscore,
  zrevrangebyscore,
  zrangebylex,
  zrevrangebylex,
  zrangestore,
  zrandmember,
  zscan,
  zunion,
  zinter,
  zdiff,
  zintercard,
  zunionstore,
  zinterstore,
  zdiffstore,
]
