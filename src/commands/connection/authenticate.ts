// Who a client is: the part that AUTH and HELLO share.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Call } from '../../engine/call.ts'
import { CLIENT_UNAUTHENTICATED } from '../../engine/client.ts'
import { ERR } from '../../protocol/errors.ts'

/** Makes the client that user. Throws ERR.wrongPassword; nothing is changed then. */
export function authenticate(call: Call, user: string, password: string): void {
  const expected = call.engine.config.get('requirepass')
  if (user !== 'default' || (expected !== '' && !sameText(password, expected))) throw ERR.wrongPassword
  call.client.user = user
  call.client.state &= ~CLIENT_UNAUTHENTICATED
}

/** Compares in a time that says nothing about where the texts differ. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest()
}
