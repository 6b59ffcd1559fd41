// The engine and the call as commands see them: with all rooms, and with the parts that commands
// need.

import type { Engine as AnyEngine } from '../engine/engine.ts'
import type { Call as AnyCall } from '../engine/requests/call.ts'
import type { CommandParts } from './parts.ts'

export type Engine = AnyEngine<CommandParts>
export type Call = AnyCall<Engine>
