// A server in a process of its own, out of the sources: for tests in which it is held up, or must not survive.
//
// Run as a program it starts a server with the options in its argument and prints where it listens.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ServerOptions } from '../../src/index.ts'

const HERE = fileURLToPath(import.meta.url)

export interface ServerProcess {
  readonly port: number
  readonly child: ChildProcess
  /** Fulfilled with the exit code when the process has ended. */
  readonly exited: Promise<number | null>
}

/** Starts a server process; whoever starts it ends it. */
export async function startServerProcess(options: Omit<ServerOptions, 'log'>): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', HERE, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    let output = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('\n')) resolve(Number(output))
    })
    void exited.then((code) => reject(new Error(`the server ended with ${code}`)))
  })
  return { port, child, exited }
}

if (process.argv[1] === HERE) {
  const { startServer } = await import('../../src/index.ts')
  const server = await startServer(JSON.parse(process.argv[2]!) as ServerOptions)
  process.stdout.write(`${server.port}\n`)
  await server.stopped
  // What is left behind must not keep the process alive: it ends by itself.
}
