// A connection to a server: sends requests, and receives replies in order and messages.

import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { type Reply, TypedReplyReader } from './reply.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
  /** The path of a unix socket to use instead; empty = none. */
  readonly socket: string
  /** Undefined = no TLS. */
  readonly encryption?: Encryption | undefined
}

/** How a connection is encrypted; empty = not given. */
export interface Encryption {
  readonly certFile: string
  readonly keyFile: string
  /** Without it Node's default authorities are trusted. */
  readonly authoritiesFile: string
  /** The name of the server to ask for (SNI). */
  readonly serverName: string
  /** Accepts any certificate. */
  readonly isServerTrusted: boolean
}

export class Connection {
  readonly #socket: net.Socket
  readonly #read: (chunk: Buffer) => void
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = []
  /** Takes pushes, and every reply without a waiting request (messages of RESP2). */
  onMessage: (reply: Reply) => void = () => {}
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>

  private constructor(socket: net.Socket) {
    this.#socket = socket
    const reader = new TypedReplyReader((reply) => {
      const next = reply.type === '>' ? undefined : this.#waiting.shift()
      if (next === undefined) this.onMessage(reply)
      else next.resolve(reply)
    })
    this.#read = (chunk) => reader.feed(chunk)
    socket.on('data', this.#read)
    // Waiting callers get the error when the connection closes.
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

  /** Rejects with the system's error. */
  static async open({ host, port, socket: path, encryption }: ServerAddress): Promise<Connection> {
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

  /** Sends bytes as they are; resolves when more may be sent. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#socket.write(bytes)) return
    await Promise.race([new Promise((resolve) => this.#socket.once('drain', resolve)), this.closed])
  }

  /** Gives up reading replies: the bytes that come from now on are the caller's. */
  takeBytes(): AsyncIterable<Buffer> {
    this.#socket.off('data', this.#read)
    return this.#socket
  }

  close(): void {
    this.#socket.destroy()
  }
}

function tlsOptionsOf(encryption: Encryption): tls.ConnectionOptions {
  const { certFile, keyFile, authoritiesFile, serverName, isServerTrusted } = encryption
  return {
    rejectUnauthorized: !isServerTrusted,
    // As in redis-cli: a certificate of a trusted authority is enough, whatever its name.
    checkServerIdentity: () => undefined,
    ...(certFile === '' ? {} : { cert: fs.readFileSync(certFile) }),
    ...(keyFile === '' ? {} : { key: fs.readFileSync(keyFile) }),
    ...(authoritiesFile === '' ? {} : { ca: fs.readFileSync(authoritiesFile) }),
    ...(serverName === '' ? {} : { servername: serverName }),
  }
}
