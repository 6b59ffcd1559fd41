import type { Command } from '../../engine/command.ts'

export const pubsubCommands: readonly Command[] = []
