// A connection to a server: requests out, replies back in order, and what nobody asked for.

import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { type Reply, TypedReplyReader } from './reply.ts'

export interface Place {
  readonly host: string
  readonly port: number
  /** A unix socket instead; empty = none. */
  readonly socket: string
  /** Undefined = none. */
  readonly encryption?: Encryption | undefined
}

/** How a connection is encrypted; empty = not given. */
export interface Encryption {
  readonly certFile: string
  readonly keyFile: string
  /** Without it those are trusted whom Node trusts. */
  readonly authoritiesFile: string
  /** Name of the server that is asked for (SNI). */
  readonly serverName: string
  /** Whatever certificate it has. */
  readonly isServerTrusted: boolean
}

export class Connection {
  readonly #socket: net.Socket
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = []
  /** Takes pushes, and every reply that no request waits for (messages of RESP2). */
  onMessage: (reply: Reply) => void = () => {}
  /** Fulfilled when the connection is gone. */
  readonly closed: Promise<void>

  private constructor(socket: net.Socket) {
    this.#socket = socket
    const reader = new TypedReplyReader((reply) => {
      const next = reply.type === '>' ? undefined : this.#waiting.shift()
      if (next === undefined) this.onMessage(reply)
      else next.resolve(reply)
    })
    socket.on('data', (chunk) => reader.feed(chunk))
    // What is wrong is told to those who wait, when it closes.
    let failure: Error | undefined
    socket.on('error', (error) => {
      failure = error
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(failure ?? new Error('Server closed the connection'))
        resolve()
      })
    })
  }

  /** Rejects with what the system says. */
  static async open({ host, port, socket: path, encryption }: Place): Promise<Connection> {
    const to = path === '' ? { host, port } : { path }
    const socket = encryption === undefined ? net.connect(to) : tls.connect({ ...to, ...tlsOptionsOf(encryption) })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once(encryption === undefined ? 'connect' : 'secureConnect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  /** Sends a request, words as latin1; rejects when the connection ends before its reply. */
  ask(words: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.send(words)
    })
  }

  /** Sends a request whose replies are messages. */
  send(words: readonly string[]): void {
    this.#socket.write(encodeRequest(words))
  }

  close(): void {
    this.#socket.destroy()
  }
}

function tlsOptionsOf(encryption: Encryption): tls.ConnectionOptions {
  const { certFile, keyFile, authoritiesFile, serverName, isServerTrusted } = encryption
  return {
    rejectUnauthorized: !isServerTrusted,
    // As redis-cli: that the certificate is of a trusted authority is enough, whatever name it bears.
    checkServerIdentity: () => undefined,
    ...(certFile === '' ? {} : { cert: fs.readFileSync(certFile) }),
    ...(keyFile === '' ? {} : { key: fs.readFileSync(keyFile) }),
    ...(authoritiesFile === '' ? {} : { ca: fs.readFileSync(authoritiesFile) }),
    ...(serverName === '' ? {} : { servername: serverName }),
  }
}
