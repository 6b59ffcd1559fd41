// The kinds of connections that CLIENT LIST and CLIENT KILL tell apart.

import type { Client, ClientClass } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'

/** `master` exists only on a replica. */
export type ClientType = ClientClass | 'master'

/** Reads a type, `slave` included. Throws Redis's error. */
export function parseClientType(text: string): ClientType {
  switch (text.toLowerCase()) {
    case 'normal':
      return 'normal'
    case 'slave':
    case 'replica':
      return 'replica'
    case 'pubsub':
      return 'pubsub'
    case 'master':
      return 'master'
  }
  throw ERR.of(`Unknown client type '${text}'`)
}

export function clientTypeOf(client: Client): ClientType {
  return client.connection.origin === 'primary' ? 'master' : client.outputClass
}
