// Consumers of one group: read what is new, acknowledge it, until nothing is left.

import { childInput, reportAndExit } from '../child.ts'
import { encode, open } from '../wire.ts'

interface Input {
  port: number
  entries: number
  consumers: number
}

const COUNT = 10
/** An entry's id, where a reply holds it. */
const ID = /\d{13}-\d+/g

const { port, entries, consumers } = childInput<Input>()
let done = 0
let leaving = 0
const started = performance.now()

async function consume(name: string): Promise<void> {
  const read = encode('XREADGROUP', 'GROUP', 'workers', name, 'COUNT', String(COUNT), 'STREAMS', 'jobs', '>')
  // A read's reply ends with the last value, an acknowledgement's is one number; only one of them
  // is under way.
  let text = ''
  const socket = await open(port, (buffer, length) => {
    text += buffer.toString('latin1', 0, length)
    if (!text.endsWith('\r\n')) return
    if (text.startsWith(':')) {
      text = ''
      socket.write(read)
      return
    }
    if (text.startsWith('*-1')) {
      leave()
      return
    }
    const ids = text.match(ID) ?? []
    const expected = Number(/jobs\r\n\*(\d+)\r\n/.exec(text)?.[1] ?? -1)
    if (ids.length < expected || !text.endsWith('$1\r\n1\r\n')) return
    text = ''
    done += ids.length
    socket.write(encode('XACK', 'jobs', 'workers', ...ids))
  })
  socket.write(read)
}

function leave(): void {
  if (++leaving < consumers) return
  if (done !== entries) throw new Error(`${done} of ${entries} entries arrived`)
  reportAndExit({ seconds: (performance.now() - started) / 1000 })
}

await Promise.all(Array.from({ length: consumers }, (_, i) => consume(`worker:${i}`)))
