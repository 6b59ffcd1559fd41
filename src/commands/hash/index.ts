import type { Command } from '../../engine/spec/command.ts'
import { hgetall, hkeys, hvals } from './getall.ts'
import { hdel } from './hdel.ts'
import { hexpire, hexpireat, hpexpire, hpexpireat } from './hexpire.ts'
import { hexists, hget, hstrlen } from './hget.ts'
import { hgetdel } from './hgetdel.ts'
import { hgetex } from './hgetex.ts'
import { hincrby } from './hincrby.ts'
import { hincrbyfloat } from './hincrbyfloat.ts'
import { hlen } from './hlen.ts'
import { hmget } from './hmget.ts'
import { hpersist } from './hpersist.ts'
import { hrandfield } from './hrandfield.ts'
import { hscan } from './hscan.ts'
import { hsetex } from './hsetex.ts'
import { hsetnx } from './hsetnx.ts'
import { hexpiretime, hpexpiretime, hpttl, httl } from './httl.ts'
import { hmset, hset } from './set.ts'

export const hashCommands: readonly Command[] = [
  hset,
  hmset,
  hsetnx,
  hget,
  hmget,
  hexists,
  hstrlen,
  hlen,
  hdel,
  hgetall,
  hkeys,
  hvals,
  hincrby,
  hincrbyfloat,
  hrandfield,
  hscan,
  hexpire,
  hpexpire,
  hexpireat,
  hpexpireat,
  httl,
  hpttl,
  hexpiretime,
  hpexpiretime,
  hpersist,
  hgetdel,
  hgetex,
  hsetex,
]
