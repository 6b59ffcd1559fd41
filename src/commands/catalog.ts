// All commands by their names, for engines: a group is made when one of its commands is first asked
// for.

import { CommandCatalog } from '../engine/spec/command-catalog.ts'
import { groups } from './groups.ts'
import { NAMES } from './names.ts'

export const catalog = new CommandCatalog(
  Object.entries(NAMES).map(([group, names]) => ({ names, commands: groups[group as keyof typeof NAMES] })),
)
