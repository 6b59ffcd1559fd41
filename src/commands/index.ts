// All commands, for parts that need every one of them.

import type { Command } from '../engine/spec/command.ts'
import { groups } from './groups.ts'

export const commands: readonly Command[] = Object.values(groups).flatMap((group) => group())
