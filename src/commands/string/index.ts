import type { Command } from '../../engine/command.ts'
import { get } from './get.ts'
import { set } from './set.ts'

export const stringCommands: readonly Command[] = [get, set]
