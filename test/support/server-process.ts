// A server in a process of its own, for tests in which it is held up, or must not survive.

import { type ChildProcess, spawn } from 'node:child_process'
import type { ServerOptions } from '../../src/index.ts'
import { library } from './build.ts'

/** Starts a server with the options in its argument and prints where it listens. */
const script = (): string => `
  import { startServer } from ${JSON.stringify(library())}
  const server = await startServer(JSON.parse(process.argv[1]))
  console.log(server.port)
  // What the stopped server leaves behind must not keep the process alive: it ends by itself.
  await server.stopped`

export interface ServerProcess {
  readonly port: number
  readonly child: ChildProcess
  /** Fulfilled with the exit code when the process has ended. */
  readonly exited: Promise<number | null>
}

/** Starts a server process; whoever starts it ends it. */
export async function startServerProcess(options: Omit<ServerOptions, 'log'>): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script(), JSON.stringify(options)], {
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
