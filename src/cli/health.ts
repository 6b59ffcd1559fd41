// `respite health`: does a server of this machine answer? For health checks of containers.
//
// It asks PING without TLS, and then with TLS, so it works whatever the port speaks. An error reply
// counts as an answer while the server loads, is busy, or asks for a password. With TLS the
// certificate is not verified, and a server that wants one of the client has answered, too.
//
// Exit codes: 0 it answers; 1 it does not; 2 invalid command line.

import net from 'node:net'
import tls from 'node:tls'
import { processTerminal, type Terminal } from '../prover/terminal.ts'

const HELP = `Usage: respite health [PORT]

Exit code 0 when the server at 127.0.0.1:PORT answers, with or without TLS. Default: RESPITE_HEALTH_PORT of the
environment, or 6379.
`

const PORT = '6379'
const ANSWER_MS_MAX = 1000
/** Answers of a server that works. */
const ALIVE = /^(\+PONG|-NOAUTH|-LOADING|-BUSY|-MASTERDOWN|-DENIED)/
/** The error codes of TLS if the server requires a certificate. */
const CERTIFICATE_WANTED = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE/

/** Returns the exit code. */
export async function runHealth(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const [text = process.env.RESPITE_HEALTH_PORT ?? PORT, ...rest] = args
  if (text === '--help' || rest.length > 0 || !/^\d{1,5}$/.test(text)) {
    terminal.print(HELP.trimEnd())
    return text === '--help' ? 0 : 2
  }
  const port = Number(text)
  const failures: string[] = []
  for (const kind of ['plain', 'tls'] as const) {
    const failure = await whyNotAlive(port, kind)
    if (failure === undefined) return 0
    failures.push(`${kind === 'tls' ? 'with' : 'without'} TLS: ${failure}`)
  }
  terminal.print(`the server at port ${port} does not answer; ${failures.join('; ')}`)
  return 1
}

/** Undefined = it answers. */
function whyNotAlive(port: number, kind: 'plain' | 'tls'): Promise<string | undefined> {
  const to = { host: '127.0.0.1', port }
  const socket = kind === 'plain' ? net.connect(to) : tls.connect({ ...to, rejectUnauthorized: false })
  return new Promise((resolve) => {
    const end = (failure: string | undefined): void => {
      resolve(failure)
      socket.destroy()
    }
    socket.setTimeout(ANSWER_MS_MAX, () => end('it is silent'))
    socket.once(kind === 'plain' ? 'connect' : 'secureConnect', () => socket.write('PING\r\n'))
    socket.once('data', (bytes: Buffer) => {
      const line = bytes.toString('latin1').split('\r\n', 1)[0] ?? ''
      end(ALIVE.test(line) ? undefined : `it answers ${JSON.stringify(line.slice(0, 100))}`)
    })
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(CERTIFICATE_WANTED.test(error.code ?? '') ? undefined : error.message),
    )
    socket.once('close', () => end('it closes the connection'))
  })
}
