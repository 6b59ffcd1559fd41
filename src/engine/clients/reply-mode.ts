// CLIENT REPLY: clients that want no replies, for all commands or for one.
//
// A command replies as ever. Its reply is taken back afterwards, except the parts that the client
// is sent in any case.

import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { CLIENT_MUTED, type Client } from './client.ts'

/** Takes back the replies since `position` to a client that wants none. */
export function muteReply(client: Client, position: number, replies: ReplyBuffer): void {
  replies.mark()
  const {
    output: { keptPosition },
  } = client
  client.output.keptPosition = 0
  if (client.output.replyMode === 'on') return
  // A command that waits has not replied yet, so SKIP stays in force.
  if (client.output.replyMode === 'skipping' && !client.requests.parked && !client.paused) endSkip(client)
  client.rewind(Math.max(position, keptPosition))
}

/** Ends SKIP: its command has replied. */
export function endSkip(client: Client): void {
  client.output.replyMode = 'on'
  client.state &= ~CLIENT_MUTED
}

/** Makes sure that the running command's reply so far reaches a muted client. */
export function keepReply(client: Client, replies: ReplyBuffer): void {
  if ((client.state & CLIENT_MUTED) === 0) return
  replies.mark()
  client.output.keptPosition = client.position
}
