// NATS (docs.nats.io/reference/reference-protocols/nats-protocol). What is kept goes to a stream of JetStream on disk, which
// acknowledges each message to the inbox that the publication names.

import { open } from '../wire.ts'
import { answered, type Protocol } from './protocol.ts'

const INBOX = '_inbox.bench'
const STREAM = JSON.stringify({ name: 'bench', subjects: ['kept.*'], storage: 'file', retention: 'limits' })
/** Begins a message; no subject, payload or acknowledgement of the bench has this letter. */
const LETTER_M = 0x4d

export const nats: Protocol = {
  async open(port, counted) {
    let listens = false
    let isOpen = false
    const socket = await open(port, (buffer, length) => {
      if (!isOpen) return
      let messages = 0
      for (let i = 0; i < length; i++) if (buffer[i] === LETTER_M) messages++
      if (listens) counted.heard(messages)
      else counted.acknowledged(messages)
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
      subscribe: (channel) => listen([channel]),
      subscribeByPatterns: listen,
    }
  },
}
