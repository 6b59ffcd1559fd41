// A client that costs little: raw sockets, one shared read buffer, replies counted rather than
// understood where that is enough.

import { connect, type Socket } from 'node:net'
import Parser from 'redis-parser'

export function encode(...words: string[]): string {
  let text = `*${words.length}\r\n`
  for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
  return text
}

/**
 * Opens a connection whose bytes are handed over in one buffer shared by all connections of this
 * process.
 */
export function open(port: number, onBytes: (buffer: Buffer, length: number) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: SHARED,
        callback(length: number, buffer: Uint8Array): boolean {
          onBytes(buffer as Buffer, length)
          return true
        },
      },
    })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', (error) => {
        throw error
      })
      resolve(socket)
    })
  })
}

const SHARED = Buffer.allocUnsafe(256 * 1024)

/** One command after the other, replies read by redis-parser. */
export class Asker {
  readonly socket: Socket
  #waiting: { resolve: (reply: unknown) => void; reject: (error: Error) => void }[] = []
  readonly #parser = new Parser({
    returnReply: (reply) => this.#waiting.shift()?.resolve(reply),
    returnError: (error) => this.#waiting.shift()?.reject(error),
  })

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#parser.execute(chunk))
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('connection closed'))
    })
  }

  static open(port: number): Promise<Asker> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        socket.on('error', () => socket.destroy())
        resolve(new Asker(socket))
      })
    })
  }

  ask(...words: string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.socket.write(encode(...words))
    })
  }

  close(): void {
    this.socket.destroy()
  }
}
