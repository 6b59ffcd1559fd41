// The conditions under which a request is refused or postponed: loading, a pause, frozen keys.

import { DebugSwitches } from '../upkeep/debug-switches.ts'
import { FrozenKeys, type FrozenKeysHost } from './frozen-keys.ts'
import { Loading, type LoadingHost } from './loading.ts'
import { Pause, type PauseHost } from './pause.ts'
import { ServerState } from './state.ts'

export class ConditionsRoom {
  /** All conditions as bits of one number: admission looks at it once for each request. */
  readonly state = new ServerState()
  readonly switches = new DebugSwitches()
  readonly loading: Loading
  readonly pause: Pause
  readonly heldKeys: FrozenKeys

  constructor(host: LoadingHost & PauseHost & FrozenKeysHost) {
    this.loading = new Loading(host)
    this.pause = new Pause(host)
    this.heldKeys = new FrozenKeys(host)
  }
}
