// A server in a process of its own, whose door is always at the same address.

import { onTestFinished } from 'vitest'
import { eventually, temporaryDirectory } from './server.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** A node whose door is always at the same address. */
export class DoorNode {
  readonly door: string
  readonly #options: Parameters<typeof startServerProcess>[0]
  #process: ServerProcess | undefined

  /** `dataPort`: the port of the data, which is any other after each start unless said. */
  constructor(host: string, port: number, config: Record<string, string>, dataPort = 0) {
    this.door = `http://${host}:${port}`
    const own = {
      redeliver: '1',
      'http-port': port,
      'http-bind': host,
      'replica-announce-ip': host,
      'cluster-announce-ip': host,
    }
    this.#options = {
      port: dataPort,
      host,
      dir: temporaryDirectory(),
      appendfsync: 'always',
      config: { ...own, ...config },
    }
    onTestFinished(() => this.kill())
  }

  async start(): Promise<void> {
    this.#process = await startServerProcess(this.#options)
  }

  async kill(): Promise<void> {
    this.#process?.child.kill('SIGKILL')
    await this.#process?.exited
    this.#process = undefined
  }

  /** Runs a command over HTTP. */
  async call(...words: string[]): Promise<unknown> {
    const answer = await fetch(this.door, {
      method: 'POST',
      body: JSON.stringify(words),
      signal: AbortSignal.timeout(5000),
    })
    return ((await answer.json()) as { result: unknown }).result
  }

  async leads(): Promise<boolean> {
    const role = (await this.call('ROLE').catch(() => [])) as string[]
    return role[0] === 'master'
  }
}

/** Waits until one of several nodes leads. */
export async function leaderOf(nodes: readonly DoorNode[]): Promise<DoorNode> {
  return eventually(async () => {
    for (const node of nodes) if (await node.leads()) return node
    return undefined
  }, 'a leader')
}
