// The console of a broker inside a program: a page on a port of this machine alone, and links that
// sign in once.

import net, { type AddressInfo } from 'node:net'
import type { Engine } from '../commands/call.ts'
import { DoorServer } from '../door/listening/door-server.ts'
import type { RemoteServer } from '../door/remote/remote-server.ts'
import { ListenError } from '../server/boot/errors.ts'
import { port as anyPort, anyText, type OptionKind, takeOptions } from '../server/boot/options.ts'

export interface ConsoleOptions {
  /** The port; 0 = any free one, which is the default. */
  port?: number
  /** The ACL user that links sign in as. Default: `default`. */
  user?: string
}

/** A console that is served. */
export interface OpenConsole {
  readonly port: number
  /**
   * An address that opens the console signed in, once, within ten minutes. Each reading makes
   * another.
   */
  readonly url: string
  /** Stops serving it. The broker goes on. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const CONSOLE_OPTIONS = { port: anyPort, user: anyText } satisfies Record<keyof ConsoleOptions, OptionKind>
const HOST = '127.0.0.1'

/** The consoles of one broker that are open. */
export class ConsoleListeners {
  readonly #engine: Engine
  readonly #open = new Set<ConsoleListener>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * With a `remote`, the console is that of another server, and the process stays. Rejects with
   * OptionError or ListenError.
   */
  async open(given: ConsoleOptions, remote?: RemoteServer): Promise<OpenConsole> {
    const { port = 0, user = 'default' } = takeOptions(given, CONSOLE_OPTIONS)
    const listener = new ConsoleListener(this.#engine, remote, String(user), () => this.#open.delete(listener))
    await listener.listen(Number(port))
    this.#open.add(listener)
    return listener
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((listener) => listener.close()))
  }
}

class ConsoleListener implements OpenConsole {
  readonly #server: DoorServer
  readonly #listener: net.Server
  readonly #user: string
  readonly #closed: () => void

  constructor(engine: Engine, remote: RemoteServer | undefined, user: string, closed: () => void) {
    this.#user = user
    this.#closed = closed
    this.#server = new DoorServer(engine, undefined, remote ?? true)
    this.#listener = net.createServer({ pauseOnConnect: true }, (socket) => this.#server.accepted(socket, 'plain'))
    // An open console does not keep a program alive.
    if (remote === undefined) this.#listener.unref()
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', (error) => {
        this.#server.close()
        reject(new ListenError(`the console cannot listen on port ${port}: ${error.message}`))
      })
      this.#listener.listen(port, HOST, resolve)
    })
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo | null)?.port ?? 0
  }

  get url(): string {
    return `http://${HOST}:${this.port}/console/#link=${this.#server.door.console?.issueLink(this.#user) ?? ''}`
  }

  async close(): Promise<void> {
    this.#closed()
    this.#server.close()
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
