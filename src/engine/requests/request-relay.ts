// A relay of requests: after a planned handover it sends those of a client on to the server that
// leads now, and takes the replies back to the client. The client's state has CLIENT_RELAYED.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import type { Client } from '../clients/client.ts'
import type { Command, Requirements } from '../spec/command.ts'

export abstract class RequestRelay {
  /**
   * Takes a request: the client runs nothing until it is answered. Returns false for a request that
   * concerns this connection alone, which is run here.
   */
  abstract take(client: Client, command: Command, args: Arguments, claims: Requirements): boolean
}

/** Returns the relay of a client whose state has CLIENT_RELAYED. */
export function relayOf({ requests: { relay } }: Client): RequestRelay {
  assert(relay instanceof RequestRelay, 'a client whose requests are sent on has a relay')
  return relay
}
