// Who a client is: the part that AUTH and HELLO share.

import type { Call } from '../../engine/call.ts'
import { engineOf } from '../../engine/engine.ts'
import { ERR } from '../../protocol/errors.ts'

/** Makes the client that user. Throws ERR.wrongPassword; nothing is changed then. */
export function authenticate(call: Call, user: string, password: string): void {
  const { stats, users } = engineOf(call)
  if (users.authenticate(call.client, user, password)) return
  stats.authenticationsDenied++
  throw ERR.wrongPassword
}
