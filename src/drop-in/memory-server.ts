// `respite/memory-server`: a server in this process with the interface of redis-memory-server,
// which starts redis-server for tests.
//
//   import { RedisMemoryServer } from 'respite/memory-server'
//   const server = await RedisMemoryServer.create()
//   const redis = new Redis(await server.getPort(), await server.getHost())
//   await server.stop()
//
// Nothing is downloaded, compiled or started beside this process. Options that choose a binary are
// accepted and have no effect.

import { type RunningServer, type Settings, startServer } from '../index.ts'

export interface RedisMemoryServerOptions {
  instance?: {
    /** The port to listen on. Default: a free one. */
    port?: number
    /** Address to listen on. Default 127.0.0.1. */
    ip?: string
    /** Options of redis-server's command line: `['--maxmemory', '100mb']`. */
    args?: readonly string[]
  }
  /** The binary of redis-server. It has no effect, because no binary is run. */
  binary?: object
  /** Start the server at once. Default true. */
  autoStart?: boolean
}

/** A running server, as redis-memory-server describes it. */
export interface RedisInstanceInfo {
  port: number
  ip: string
  server: RunningServer
}

export class RedisMemoryServer {
  readonly opts: RedisMemoryServerOptions
  #starting: Promise<RedisInstanceInfo> | undefined = undefined
  #running: RedisInstanceInfo | undefined = undefined

  constructor(opts: RedisMemoryServerOptions = {}) {
    this.opts = opts
    if (opts.autoStart === false) return
    this.#starting = this.#open()
    // Every caller that asks for the instance gets this error.
    this.#starting.catch(() => undefined)
  }

  /** Makes a server and starts it. */
  static async create(opts: RedisMemoryServerOptions = {}): Promise<RedisMemoryServer> {
    const server = new RedisMemoryServer({ ...opts, autoStart: false })
    await server.start()
    return server
  }

  /**
   * Starts the server. Rejects with ListenError if it cannot listen, and with an error if it was
   * started already.
   */
  async start(): Promise<boolean> {
    if (this.#starting !== undefined) {
      throw new Error('RedisMemoryServer has been started already: getInstanceInfo() or ensureInstance() tells where')
    }
    this.#starting = this.#open()
    try {
      await this.#starting
    } catch (error) {
      this.#starting = undefined
      throw error
    }
    return true
  }

  /** Stops the server if it runs. Its data is lost. It may be started again. */
  async stop(): Promise<boolean> {
    const starting = this.#starting
    this.#starting = undefined
    this.#running = undefined
    if (starting === undefined) return true
    const { server } = await starting
    await server.close()
    return true
  }

  /** Returns the running instance; false if there is none. */
  getInstanceInfo(): RedisInstanceInfo | false {
    return this.#running ?? false
  }

  /** Waits for the server, and starts it if necessary. */
  async ensureInstance(): Promise<RedisInstanceInfo> {
    if (this.#starting === undefined) await this.start()
    return this.#starting!
  }

  async getHost(): Promise<string> {
    return this.getIp()
  }

  async getIp(): Promise<string> {
    return (await this.ensureInstance()).ip
  }

  async getPort(): Promise<number> {
    return (await this.ensureInstance()).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #open(): Promise<RedisInstanceInfo> {
    const { port = 0, ip = '127.0.0.1', args = [] } = this.opts.instance ?? {}
    const server = await startServer({ port, host: ip, config: settingsIn(args) })
    const info = { port: server.port, ip, server }
    this.#running = info
    return info
  }
}

/** Reads options of a command line: `--name value value --name …`. */
function settingsIn(args: readonly string[]): Settings {
  const settings: Record<string, string> = {}
  let name = ''
  for (const arg of args) {
    if (arg.startsWith('--')) {
      name = arg.slice(2)
      settings[name] = ''
    } else {
      settings[name] = settings[name] === '' ? arg : `${settings[name]} ${arg}`
    }
  }
  return settings as Settings
}

export default RedisMemoryServer
