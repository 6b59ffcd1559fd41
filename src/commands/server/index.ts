import type { Command } from '../../engine/command.ts'

export const serverCommands: readonly Command[] = []
