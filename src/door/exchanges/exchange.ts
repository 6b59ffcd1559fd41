// One request and its answer, as the routes see them: over Node's HTTP server, or within a
// program that has a server of its own.

import type { Visitor } from '../rights/visitor.ts'

export type Headers = Readonly<Record<string, string | readonly string[]>>

/** Asks the program for the visitor; undefined = it refuses the request. */
export type Authorize = () => Promise<Visitor | undefined>

export interface Exchange {
  /** The program's own server took the request, and decided which hosts it serves. */
  readonly isWithinProgram: boolean
  /** Undefined where the request says itself who sends it. */
  readonly authorize: Authorize | undefined
  readonly method: string
  /** The path, still encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** The other side's `ip:port`, as CLIENT LIST shows it. */
  readonly address: string
  /** The address without the port; limits are counted by it. Empty = it is not known. */
  readonly ip: string
  readonly localAddress: string
  readonly isEncrypted: boolean
  /** The other side is gone, or the answer has left. */
  readonly isOver: boolean
  /** The connection of the request. Its clients of the engine live as long. */
  readonly connection: Connection
  /** Returns a header by its name in lower case; undefined when it is absent. */
  header(name: string): string | undefined
  /** Reads the body. Rejects with HttpError where it is longer than `bytesMax`. */
  body(bytesMax: number): Promise<Buffer>
  /** Takes the path below which a proxy shows the door off the path. */
  cutPath(base: string): void
  /** Adds a header to whatever the answer will be. */
  addHeader(name: string, value: string): void
  answer(status: number, headers: Headers, body: string | Buffer): void
  /** Calls `run` when the answer has left, or the other side is gone; later, if that is so already. */
  onEnd(run: () => void): void
  /** Begins an answer that goes on until one of both sides ends it. */
  stream(status: number, headers: Headers): Outlet
}

/** A connection, or the program around the broker. */
export interface Connection {
  /** Calls `run` when it has ended; later, if that is so already. */
  onClose(run: () => void): void
  /** Ends it. */
  destroy(): void
}

/** The way of a stream to the other side. */
export interface Outlet {
  /** Bytes that were written and that the system has not taken yet. */
  readonly backlogBytes: number
  write(text: string): void
  /** Calls `tell` once, when everything has been taken; later, if that is so already. */
  whenDrained(tell: () => void): void
  /** Calls `run` when the other side is gone, or `end` was called. */
  onClose(run: () => void): void
  /** Ends it: after what was written has left, or at once. */
  end(when: 'flushed' | 'now'): void
}
