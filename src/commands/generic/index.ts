import type { Command } from '../../engine/spec/command.ts'
import { copy } from './copy.ts'
import { del, unlink } from './del.ts'
import { dump } from './dump.ts'
import { exists, touch } from './exists.ts'
import { expire, expireat, pexpire, pexpireat } from './expire.ts'
import { keys } from './keys.ts'
import { migrate } from './migrate.ts'
import { move } from './move.ts'
import { object, objectHelp } from './object.ts'
import { objectEncoding } from './object-encoding.ts'
import { objectFreq } from './object-freq.ts'
import { objectIdletime } from './object-idletime.ts'
import { objectRefcount } from './object-refcount.ts'
import { persist } from './persist.ts'
import { randomkey } from './randomkey.ts'
import { rename, renamenx } from './rename.ts'
import { restore } from './restore.ts'
import { scan } from './scan.ts'
import { sortCommand, sortRo } from './sort.ts'
import { expiretime, pexpiretime, pttl, ttl } from './ttl.ts'
import { type } from './type.ts'
import { wait } from './wait.ts'
import { waitaof } from './waitaof.ts'

export const genericCommands: readonly Command[] = [
  copy,
  del,
  dump,
  exists,
  expire,
  expireat,
  expiretime,
  keys,
  migrate,
  move,
  object,
  objectEncoding,
  objectFreq,
  objectIdletime,
  objectRefcount,
  objectHelp,
  persist,
  pexpire,
  pexpireat,
  pexpiretime,
  pttl,
  randomkey,
  rename,
  renamenx,
  restore,
  scan,
  sortCommand,
  sortRo,
  touch,
  ttl,
  type,
  unlink,
  wait,
  waitaof,
]
