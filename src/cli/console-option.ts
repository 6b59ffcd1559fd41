// `respite --console`: the console on a free port of this machine, and a link to it.
//
// `--console yes` is the setting, and says nothing about a port. A bare `--console` chooses one.

import type { DoorPorts } from '../server/listening/door-ports.ts'
import { freePort } from '../util/free-ports.ts'

export interface Arguments {
  readonly args: readonly string[]
  /** A link to the console is printed. */
  readonly opensConsole: boolean
}

/** The user that a link signs in as. */
const USER = 'default'

/** Writes a bare `--console` as the settings that it stands for. */
export async function withConsole(args: readonly string[]): Promise<Arguments> {
  const at = args.findIndex((arg, i) => arg === '--console' && isBare(args[i + 1]))
  if (at < 0) return { args, opensConsole: false }
  const others = args.toSpliced(at, 1)
  const hasPort = others.some((arg) => /^--http-(tls-)?port$/i.test(arg))
  const port = hasPort ? [] : ['--http-port', String(await freePort())]
  return { args: [...others, '--console', 'yes', ...port], opensConsole: true }
}

/** Prints a link that signs in once. */
export function printConsoleLink(http: DoorPorts): void {
  const word = http.issueLink(USER)
  if (word === undefined) return
  const [scheme, port] = http.port === 0 ? ['https', http.tlsPort] : ['http', http.port]
  process.stdout.write(
    `Console: ${scheme}://127.0.0.1:${port}/console/#link=${word} (works once, within ten minutes)\n`,
  )
}

function isBare(next: string | undefined): boolean {
  return next === undefined || next.startsWith('-')
}
