import type { Command } from '../../engine/spec/command.ts'
import { geoadd } from './geoadd.ts'
import { geodist } from './geodist.ts'
import { geohash, geopos } from './geopos.ts'
import { georadius, georadiusbymember, georadiusbymemberRo, georadiusRo } from './georadius.ts'
import { geosearch, geosearchstore } from './geosearch.ts'

export const geoCommands: readonly Command[] = [
  geoadd,
  geodist,
  geohash,
  geopos,
  georadius,
  georadiusRo,
  georadiusbymember,
  georadiusbymemberRo,
  geosearch,
  geosearchstore,
]
