// Authenticates a client: the common part of AUTH and HELLO.

import { CLIENT_MULTI } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/** Makes the client that user. Throws ERR.wrongPassword; nothing is changed then. */
export function authenticate(call: Call, user: Bytes, password: Bytes): void {
  const {
    clients: { users },
  } = call.engine
  const { args, client } = call
  if (users.authenticate(client, user.toString(), password.toString())) return
  const context = (client.state & CLIENT_MULTI) !== 0 ? 'multi' : 'toplevel'
  users.refused(client, 'auth', context, args.bytes(0), user, args)
  throw ERR.wrongPassword
}
