// Who a client is: the part that AUTH and HELLO share.

import type { Call } from '../../engine/call.ts'
import { engineOf } from '../../engine/engine.ts'
import { ERR } from '../../protocol/errors.ts'

/** Makes the client that user. Throws ERR.wrongPassword; nothing is changed then. */
export function authenticate(call: Call, user: string, password: string): void {
  if (!engineOf(call).users.authenticate(call.client, user, password)) throw ERR.wrongPassword
}
