// Authenticates a client: the common part of AUTH and HELLO.

import { CLIENT_MULTI } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/** Logs the client in as that user. Throws ERR.wrongPassword; then nothing has changed. */
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
