// The call as commands see it: with all rooms of the engine.

import type { Engine } from '../engine/engine.ts'
import type { Call as EngineCall } from '../engine/requests/call.ts'

export type Call = EngineCall<Engine>
