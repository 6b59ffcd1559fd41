// All commands by their names, for engines. A group of commands is loaded when one of them is first
// looked up.

import { CommandCatalog } from '../engine/spec/command-catalog.ts'
import { groups } from './groups.ts'
import { NAMES } from './names.ts'

export const catalog = new CommandCatalog(
  Object.entries(NAMES).map(([group, names]) => ({ names, commands: groups[group as keyof typeof NAMES] })),
)
