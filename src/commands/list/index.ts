import type { Command } from '../../engine/command.ts'

export const listCommands: readonly Command[] = []
