import type { Command } from '../../engine/command.ts'

export const transactionsCommands: readonly Command[] = []
