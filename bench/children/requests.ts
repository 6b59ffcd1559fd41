// Requests over HTTP on connections that are kept: each sends the next one when it has the answer.

import { connect } from 'node:net'
import { childInput, reportAndExit } from '../child.ts'

export interface RequestsInput {
  port: number
  connections: number
  seconds: number
  path: string
  headers: Readonly<Record<string, string>>
  body: string
}

export interface RequestsReport {
  perSecond: number
}

const { port, connections, seconds, path, headers, body } = childInput<RequestsInput>()
const head = Object.entries({ Host: '127.0.0.1', 'Content-Length': Buffer.byteLength(body), ...headers })
const request = Buffer.from(
  `POST ${path} HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
)

let answered = 0

function ask(): void {
  let rest = ''
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request))
  socket.setEncoding('latin1')
  socket.on('data', (text) => {
    rest += text
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return
    const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? Number.NaN)
    if (!rest.startsWith('HTTP/1.1 200') || Number.isNaN(length)) throw new Error(rest.slice(0, 500))
    if (rest.length < end + 4 + length) return
    rest = ''
    answered++
    socket.write(request)
  })
}

for (let i = 0; i < connections; i++) ask()
const wait = (forSeconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, forSeconds * 1000))
await wait(seconds / 3)
const before = answered
const began = performance.now()
await wait(seconds)
const report: RequestsReport = { perSecond: ((answered - before) * 1000) / (performance.now() - began) }
reportAndExit(report)
