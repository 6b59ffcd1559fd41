// NATS (docs.nats.io/reference/reference-protocols/nats-protocol). Kept messages go to a
// stream of JetStream on disk, which acknowledges each to the inbox that the publication names.

import { open } from '../wire.ts'
import { answered, type Protocol } from './protocol.ts'

const INBOX = '_inbox.bench'
const STREAM = JSON.stringify({ name: 'bench', subjects: ['kept.*'], storage: 'file', retention: 'limits' })
/** Begins a message; no subject, payload or acknowledgement of the bench has this letter. */
const LETTER_M = 0x4d
/** PONG has it, and PING, which the server sends too, has not. */
const LETTER_O = 0x4f

export const nats: Protocol = {
  async open(port, counted) {
    let listens = false
    let isOpen = false
    /**
     * Messages that the next PONG says to be taken; 0 = none is awaited, acknowledgements are
     * messages.
     */
    let unheard = 0
    const socket = await open(port, (buffer, length) => {
      if (!isOpen) return
      const letter = unheard > 0 ? LETTER_O : LETTER_M
      let found = 0
      for (let i = 0; i < length; i++) if (buffer[i] === letter) found++
      if (listens) counted.heard(found)
      else counted.acknowledged(unheard > 0 ? found * unheard : found)
    })
    socket.write('CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n')
    socket.write(`SUB ${INBOX} 1\r\nPUB $JS.API.STREAM.CREATE.bench ${INBOX} ${STREAM.length}\r\n${STREAM}\r\n`)
    await answered(socket)
    isOpen = true
    const listen = async (subjects: readonly string[]): Promise<void> => {
      listens = true
      socket.write(`UNSUB 1\r\n${subjects.map((subject, i) => `SUB ${subject} ${i + 2}\r\n`).join('')}PING\r\n`)
      await answered(socket)
    }
    return {
      socket,
      publish(channel, text, count) {
        const reply = channel.startsWith('kept.') ? `${INBOX} ` : ''
        socket.write(`PUB ${channel} ${reply}${text.length}\r\n${text}\r\n`.repeat(count))
      },
      // Other messages are not acknowledged. A broker that answers a PING has taken the messages
      // before it.
      publishUnheard(text, count) {
        unheard = count
        socket.write(`${`PUB nobody ${text.length}\r\n${text}\r\n`.repeat(count)}PING\r\n`)
      },
      subscribe: (channel) => listen([channel]),
      subscribeByPatterns: listen,
    }
  },
}
