import type { Command } from '../../engine/spec/command.ts'
import { exec } from './exec.ts'
import { discard, multi } from './multi.ts'
import { unwatch, watch } from './watch.ts'

export const transactionsCommands: readonly Command[] = [discard, exec, multi, unwatch, watch]
