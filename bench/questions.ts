// All questions, in the order in which they are asked.

import { brokers } from './brokers.ts'
import { channels } from './channels.ts'
import { cluster } from './cluster.ts'
import { commands } from './commands.ts'
import { consoleSearch } from './console.ts'
import { door } from './door.ts'
import { durability } from './durability.ts'
import { embedded } from './embedded.ts'
import { eviction } from './eviction.ts'
import { fanout } from './fanout.ts'
import { jobs } from './jobs.ts'
import { lua } from './lua.ts'
import { memcached } from './memcached.ts'
import { memory } from './memory.ts'
import { moments } from './moments.ts'
import { operated } from './operated.ts'
import { parser } from './parser.ts'
import { pauses } from './pauses.ts'
import { publish } from './publish.ts'
import type { Question } from './question.ts'
import { replication } from './replication.ts'
import { schedule } from './schedule.ts'
import { sizes } from './sizes.ts'
import { snapshots } from './snapshots.ts'
import { start } from './start.ts'
import { structures } from './structures.ts'
import { tls } from './tls.ts'

export const QUESTIONS: readonly Question[] = [
  commands,
  sizes,
  structures,
  operated,
  tls,
  jobs,
  lua,
  memcached,
  embedded,
  publish,
  channels,
  fanout,
  brokers,
  door,
  consoleSearch,
  durability,
  snapshots,
  replication,
  cluster,
  memory,
  eviction,
  moments,
  pauses,
  schedule,
  start,
  parser,
]
