// Serves clients while a script keeps the event loop from turning.
//
// Open connections are read and written past the loop, by their descriptors. These are
// non-blocking, so a read where nothing has arrived costs an EAGAIN. A thread accepts new
// connections: while a script is slow it listens on the same sockets, and hands over the
// descriptors of the connections it accepts. Everything else about a connection happens here.
//
//   thread:  parked ──script is slow──▶ accepting ──script has ended──▶ parked
//
// The thread never closes a descriptor, because descriptors belong to this thread, too. While it
// is parked, its listening sockets stay open outside any event loop.
// See docs/decisions/0010-scripts-that-take-long.md.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Engine } from '../../engine/engine.ts'
import type { BusyAnswers, BusyListener } from '../../engine/requests/script-runner.ts'
import { READ_BUFFER_BYTES } from '../../protocol/limits.ts'
import { Source } from '../../util/bytes/bytes.ts'
import type { Endpoint } from '../listening/accepting-endpoint.ts'
import type { Listeners } from '../listening/listeners.ts'

/** The shortest time between two checks of the connections. */
const LOOK_MS = 5
/** A check of many connections takes time; the script gets this many times that time. */
const SCRIPT_SHARE = 10

const IDLE = 0
const BUSY = 1

/**
 * Runs in the thread. It is JavaScript in a string; otherwise every bundle would need a file for
 * it.
 */
const ACCEPTOR = `
const { workerData: { state, port, listening } } = require('node:worker_threads')
const net = require('node:net')
const word = new Int32Array(state)
// Sockets are kept, because collecting one would close its descriptor, which may be another
// connection's by then.
const accepted = []
listening.forEach(({ descriptor, endpoint }) => {
  net.createServer({ pauseOnConnect: true }, (socket) => {
    accepted.push(socket)
    port.postMessage({ descriptor: socket._handle.fd, endpoint })
  }).listen({ fd: descriptor })
})
function look() {
  if (Atomics.load(word, 0) === ${IDLE}) Atomics.wait(word, 0, ${IDLE})
  setTimeout(look, 2)
}
setTimeout(look, 2)
`

interface Accepted {
  descriptor: number
  endpoint: Endpoint
}

/** The accepting thread and its state. */
interface Acceptor {
  readonly word: Int32Array
  readonly port: MessagePort
}

export class BlockedLoopSockets implements BusyListener {
  readonly #engine: Engine
  readonly #listeners: Listeners
  #acceptor: Acceptor | undefined = undefined
  /** Starting a thread has failed, so only open connections are served. */
  #deaf = false
  #buffer: Source | undefined = undefined
  #nextLookMs = 0

  constructor(engine: Engine, listeners: Listeners) {
    this.#engine = engine
    this.#listeners = listeners
  }

  listen(clients: BusyAnswers): void {
    const { workClock } = this.#engine.environment
    const started = workClock.monotonic()
    if (started < this.#nextLookMs) return
    this.#accept()
    this.#buffer ??= Source.allocate(READ_BUFFER_BYTES)
    for (const transport of this.#listeners.transports) {
      const { client } = transport
      // A client that sends without end is read again the next time.
      const length = clients.hears(client) ? transport.readNow(this.#buffer) : 0
      if (length > 0) clients.receive(client, this.#buffer, 0, length)
    }
    const ended = workClock.monotonic()
    this.#nextLookMs = ended + Math.max(LOOK_MS, (ended - started) * SCRIPT_SHARE)
  }

  done(): void {
    this.#nextLookMs = 0
    if (this.#acceptor !== undefined) Atomics.store(this.#acceptor.word, 0, IDLE)
  }

  /**
   * The listening sockets have changed or are closed, so the thread that has the old ones is not
   * woken any more.
   */
  forgetListeners(): void {
    this.#acceptor?.port.close()
    this.#acceptor = undefined
  }

  #accept(): void {
    const acceptor = this.#acceptor ?? this.#start()
    if (acceptor === undefined) return
    if (Atomics.exchange(acceptor.word, 0, BUSY) === IDLE) Atomics.notify(acceptor.word, 0)
    for (let next = receiveMessageOnPort(acceptor.port); next !== undefined; ) {
      this.#adopt(next.message as Accepted)
      next = receiveMessageOnPort(acceptor.port)
    }
  }

  #start(): Acceptor | undefined {
    const listening = this.#listeners.descriptors
    if (this.#deaf || listening.length === 0) return undefined
    const state = new SharedArrayBuffer(4)
    const { port1, port2 } = new MessageChannel()
    try {
      const worker = new Worker(ACCEPTOR, {
        eval: true,
        // Options of the program must not apply: with `--input-type=module` the string would be no
        // script.
        execArgv: [],
        workerData: { state, port: port2, listening },
        transferList: [port2],
      })
      worker.unref()
      worker.on('error', (error) => {
        this.#engine.environment.log.warn({ error }, 'new connections cannot be accepted while a script is slow')
        this.#deaf = true
        this.forgetListeners()
      })
    } catch (error) {
      this.#engine.environment.log.warn({ error }, 'new connections cannot be accepted while a script is slow')
      this.#deaf = true
      return undefined
    }
    // Connections accepted at the last moment arrive when the loop turns again.
    port1.on('message', (message: Accepted) => this.#adopt(message))
    port1.unref()
    this.#acceptor = { word: new Int32Array(state), port: port1 }
    return this.#acceptor
  }

  #adopt({ descriptor, endpoint }: Accepted): void {
    try {
      this.#listeners.adopt(descriptor, endpoint)
    } catch (error) {
      // The connection has ended before it was taken over.
      this.#engine.environment.log.debug({ error }, 'a connection was lost on its way in')
    }
  }
}
