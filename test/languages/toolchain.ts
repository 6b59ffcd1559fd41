// Finds the tools of a language, and builds its programs.

import { spawn, spawnSync } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { EXAMPLES, type Language } from './programs.ts'

/** Names the first tool of a language that is missing; undefined when all are there. */
export function missingTool({ name, needs }: Language, path = process.env.PATH): string | undefined {
  const env = { ...process.env, PATH: path }
  for (const { command, install } of needs) {
    const { status } = spawnSync(command[0]!, command.slice(1), { stdio: 'ignore', env })
    if (status !== 0) return `${name} needs ${command[0]} here (${install})`
  }
  return undefined
}

const { PRIORITY_BELOW_NORMAL, PRIORITY_NORMAL } = constants.priority

/** A build whose packages come slower than this is given up. */
const BUILD_MS_MAX = 240_000
/** The words of pip, Go, Maven and cargo for a package, or its host, that is not reached. */
const NOT_FETCHED =
  /.*(?:No matching distribution|Max retries exceeded|dial tcp|no such host|i\/o timeout|Could not (?:resolve|transfer|find artifact)|Unknown host|failed to (?:download|fetch|get )|network failure|404 Not Found|403 Forbidden).*/i

/** A build that did not come to its end. */
export interface BuildFailure {
  readonly text: string
  /** The machine could not get the packages: the program itself may be right. */
  readonly isUnfetched: boolean
}

/** Builds the programs of a language, behind programs that run meanwhile; undefined = they are built. */
export async function build(language: Language): Promise<BuildFailure | undefined> {
  for (const command of language.build) {
    const folder = join(EXAMPLES, language.folder)
    const { code, output } = await runCommand(command, folder, {}, BUILD_MS_MAX, PRIORITY_BELOW_NORMAL)
    if (code === 0) continue
    const reason = code === null ? `no end within ${BUILD_MS_MAX / 1000} s` : NOT_FETCHED.exec(output)?.[0].trim()
    if (reason !== undefined) return { text: `its packages cannot be had here: ${reason}`, isUnfetched: true }
    return { text: `${command.join(' ')} ended with ${code}:\n${output}`, isUnfetched: false }
  }
  return undefined
}

export interface Run {
  readonly code: number | null
  /** What the command wrote to its standard output. */
  readonly stdout: string
  /** The same, with what it wrote to standard error. */
  readonly output: string
}

/** Runs a command to its end, at most for this long. */
export async function runCommand(
  command: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string>>,
  timeoutMs = 0,
  priority = PRIORITY_NORMAL,
): Promise<Run> {
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  if (child.pid !== undefined && priority !== PRIORITY_NORMAL) setPriority(child.pid, priority)
  let stdout = ''
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve(null)
    })
    child.once('close', resolve)
  })
  return { code, stdout, output }
}
