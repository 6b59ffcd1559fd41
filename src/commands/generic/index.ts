import type { Command } from '../../engine/command.ts'

export const genericCommands: readonly Command[] = []
