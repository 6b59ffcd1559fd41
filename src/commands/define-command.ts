// How the commands here are defined: their calls have all rooms of the engine.

import type { Command } from '../engine/spec/command.ts'
import { defineCommand as define } from '../engine/spec/command.ts'
import type { CommandSpecOf } from '../engine/spec/command-spec.ts'
import type { Call } from './call.ts'

export type CommandSpec = CommandSpecOf<Call>

/** Checks a spec and makes a command of it. Throws on a contradictory spec. */
export function defineCommand(spec: CommandSpec): Command {
  return define(spec)
}
