// CLIENT REPLY: clients that want no replies, for all commands or for one.
//
// A command replies as ever; what it wrote is taken back afterwards, except what
// its client is told in any case.

import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { CLIENT_MUTED, type Client } from './client.ts'

/** Takes back what a client that wants no replies was told since `position`. */
export function muteReply(client: Client, position: number, replies: ReplyBuffer): void {
  replies.mark()
  const { keptPosition } = client
  client.keptPosition = 0
  if (client.replyMode === 'on') return
  // The reply that SKIP is about may still be to come.
  if (client.replyMode === 'skipping' && !client.parked && !client.paused) endSkip(client)
  client.rewind(Math.max(position, keptPosition))
}

/** The command that SKIP was about has replied. */
export function endSkip(client: Client): void {
  client.replyMode = 'on'
  client.state &= ~CLIENT_MUTED
}

/** Makes sure that what the running command has replied so far reaches a muted client. */
export function keepReply(client: Client, replies: ReplyBuffer): void {
  if ((client.state & CLIENT_MUTED) === 0) return
  replies.mark()
  client.keptPosition = client.position
}
