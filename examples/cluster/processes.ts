// The nine processes of the example: three log servers, three brokers, three programs that use
// them. Each can be killed and started again.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const all: Process[] = []
process.once('exit', () => {
  for (const one of all) void one.kill()
})

/** A command that is started, killed and started again. None outlives this process. */
export class Process {
  readonly name: string
  readonly #command: readonly string[]
  readonly #logFile: string
  #child: ChildProcess | undefined

  constructor(name: string, command: readonly string[], dir: string) {
    this.name = name
    this.#command = command
    this.#logFile = join(dir, `${name}.log`)
    all.push(this)
  }

  /** Messages of a program are handed to `heard`. */
  start(heard?: (message: unknown) => void): void {
    const log = openSync(this.#logFile, 'a')
    const child = spawn(this.#command[0]!, this.#command.slice(1), {
      stdio: ['ignore', log, log, ...(heard === undefined ? [] : ['ipc' as const])],
    })
    closeSync(log)
    if (heard !== undefined) child.on('message', heard)
    this.#child = child
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

/**
 * Prepares three nats-servers as docs/cluster.md says; returns them, and the address of a log on
 * them.
 */
export async function logServers(dir: string): Promise<{ servers: Process[]; log: string }> {
  const ports = await freePorts(6)
  const routes = ports.slice(3).map((port) => `"nats://127.0.0.1:${port}"`)
  const question = '"$SYS.REQ.SERVER.PING.JSZ"'
  const servers = [0, 1, 2].map((i) => {
    const file = join(dir, `log-${i}.conf`)
    writeFileSync(
      file,
      `server_name: log-${i}
       listen: "127.0.0.1:${ports[i]}"
       jetstream { store_dir: ${JSON.stringify(join(dir, `log-${i}`))}, sync_interval: always }
       cluster { name: log, listen: "127.0.0.1:${ports[3 + i]}", routes: [${routes}] }
       accounts {
         SYS { exports: [ { service: ${question}, response: stream, accounts: [APP] } ] }
         APP {
           jetstream: enabled
           users: [ { user: respite, password: secret } ]
           imports: [ { service: { account: SYS, subject: ${question} } } ]
         }
       }
       system_account: SYS`,
    )
    return new Process(`log-${i}`, ['nats-server', '-c', file], dir)
  })
  const places = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`)
  return { servers, log: `nats://respite:secret@${places}/orders?bytes=256mb` }
}

/**
 * Prepares three brokers on a log; returns them, and the addresses at which clients ask for the
 * leader.
 */
export async function brokersOn(
  log: string,
  dir: string,
): Promise<{ brokers: Process[]; sentinels: { host: string; port: number }[] }> {
  const ports = await freePorts(3)
  mkdirSync(join(dir, 'snapshots'))
  const brokers = ports.map((port, i) => {
    const settings = {
      port: `${port}`,
      dir: join(dir, `broker-${i}`),
      snapshots: `file://${join(dir, 'snapshots')}`,
      log,
    }
    mkdirSync(settings.dir)
    return new Process(`broker-${i}`, programOf('broker.mjs', JSON.stringify(settings)), dir)
  })
  return { brokers, sentinels: ports.map((port) => ({ host: '127.0.0.1', port })) }
}

/** The command of a program beside this file. */
export function programOf(file: string, ...args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, file), ...args]
}

/** Ports that are free at the moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  for (const server of servers) server.close()
  return ports
}
