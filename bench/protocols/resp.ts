// Redis's protocol. Kept messages are published, or added to a stream (`XADD`) of a server that
// keeps none.

import { encode, open } from '../wire.ts'
import type { Protocol } from './protocol.ts'
import { answered } from './protocol.ts'

const COLON = 0x3a
const DOLLAR = 0x24
const TEXT = 'message'

export function resp(keeps: 'PUBLISH' | 'XADD', payload: string): Protocol {
  return {
    async open(port, counted) {
      /** Bytes of each message that it hears; 0 = it publishes. */
      let messageBytes = 0
      let heardBytes = 0
      const socket = await open(port, (buffer, length) => {
        if (messageBytes > 0) {
          const before = Math.floor(heardBytes / messageBytes)
          heardBytes += length
          counted.heard(Math.floor(heardBytes / messageBytes) - before)
          return
        }
        // A reply is a count, or an id: no other byte of it is one of these.
        let replies = 0
        for (let i = 0; i < length; i++) if (buffer[i] === COLON || buffer[i] === DOLLAR) replies++
        counted.acknowledged(replies)
      })
      const listen = async (command: string, targets: readonly string[], message: string): Promise<void> => {
        socket.write(encode(command, ...targets))
        await answered(socket)
        messageBytes = message.length
      }
      return {
        socket,
        publish(channel, text, count) {
          const request =
            keeps === 'XADD' && channel.startsWith('kept.')
              ? encode('XADD', channel, '*', TEXT, text)
              : encode('PUBLISH', channel, text)
          socket.write(request.repeat(count))
        },
        // Each PUBLISH has a reply, which is counted as any other.
        publishUnheard(text, count) {
          socket.write(encode('PUBLISH', 'nobody', text).repeat(count))
        },
        subscribe: (channel) => listen('SUBSCRIBE', [channel], encode('message', channel, payload)),
        subscribeByPatterns: (patterns) =>
          listen('PSUBSCRIBE', patterns, encode('pmessage', patterns[0]!, patterns[0]!.replace('*', '0'), payload)),
      }
    },
  }
}
