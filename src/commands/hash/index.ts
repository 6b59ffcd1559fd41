import type { Command } from '../../engine/command.ts'
import { hgetall, hkeys, hvals } from './getall.ts'
import { hdel } from './hdel.ts'
import { hexists, hget, hstrlen } from './hget.ts'
import { hincrby } from './hincrby.ts'
import { hincrbyfloat } from './hincrbyfloat.ts'
import { hlen } from './hlen.ts'
import { hmget } from './hmget.ts'
import { hrandfield } from './hrandfield.ts'
import { hscan } from './hscan.ts'
import { hsetnx } from './hsetnx.ts'
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
]
