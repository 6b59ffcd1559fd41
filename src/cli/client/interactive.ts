// The session on a terminal: a prompt, history, completion of command names, and the arguments of a
// command with a second Tab.

import fs from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline/promises'
import type { CliOptions } from './options.ts'
import { pairsIn } from './pairs.ts'
import type { Reply } from './reply.ts'
import type { Session } from './session.ts'

const HISTORY_LINES_MAX = 1000
/** Lines that may hold a password are not kept in the history. */
const SECRET = /^\s*(auth|hello|acl\s+setuser|config\s+set\b.*\b(requirepass|masterauth|masteruser)|migrate)\b/i

/** Runs until the user leaves. `take` runs a line and returns false to end the session. */
export async function converse(
  options: CliOptions,
  session: Session,
  take: (line: string) => Promise<boolean>,
): Promise<void> {
  const usages = await commandUsages(session)
  const file = process.env.RESPITECLI_HISTFILE ?? path.join(homedir(), '.respitecli_history')
  const terminal = readline.createInterface({
    input: process.stdin,
    output: process.stdout,
    history: readHistory(file),
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string) => complete(usages, line),
  })
  // Also while messages are being read.
  terminal.on('SIGINT', () => {
    terminal.close()
    session.close()
  })
  try {
    while (true) {
      const line = await nextLine(terminal, promptOf(options, session))
      if (line === undefined) return
      if (line.trim() !== '' && !SECRET.test(line)) keep(file, line)
      if (!(await take(line))) return
    }
  } finally {
    terminal.close()
  }
}

function promptOf({ socket }: CliOptions, { database, host, inTransaction, port }: Session): string {
  const where = socket === '' ? `${host}:${port}` : socket
  return `${where}${database === 0 ? '' : `[${database}]`}${inTransaction ? '(TX)' : ''}> `
}

/** The next line; undefined at the end of the input: Ctrl-D, Ctrl-C. */
function nextLine(terminal: readline.Interface, prompt: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const ended = (): void => resolve(undefined)
    terminal.once('close', ended)
    terminal.question(prompt).then((line) => {
      terminal.off('close', ended)
      resolve(line)
      // The terminal was closed while the previous command ran.
    }, ended)
  })
}

function complete(usages: ReadonlyMap<string, string>, line: string): [string[], string] {
  const typed = line.toLowerCase()
  const names = [...usages.keys()].filter((name) => name.startsWith(typed))
  if (names.length > 0 && !(names.length === 1 && names[0] === typed.trim()))
    return [names.map((name) => name.toUpperCase()), line]
  const used = [...usages.keys()].filter((name) => `${typed} `.startsWith(`${name} `)).at(-1)
  // Two choices without a common beginning: they are shown, and the line is not changed.
  return used === undefined ? [[], line] : [[`${used.toUpperCase()} ${usages.get(used)}`, ' '], line]
}

/**
 * Name of a command or subcommand → its arguments, as the server describes them; none when it does
 * not.
 */
async function commandUsages(session: Session): Promise<Map<string, string>> {
  const usages = new Map<string, string>()
  const docs = await session.ask(['COMMAND', 'DOCS'])
  for (const [name, doc] of pairs(docs)) {
    usages.set(name, usageOf(doc))
    for (const [sub, subDoc] of pairs(fieldOf(doc, 'subcommands'))) usages.set(sub.replace('|', ' '), usageOf(subDoc))
  }
  return usages
}

function usageOf(doc: Reply): string {
  return (fieldOf(doc, 'arguments')?.items ?? []).map(argumentUsage).join(' ')
}

function argumentUsage(argument: Reply): string {
  const text = (name: string): string => fieldOf(argument, name)?.bytes.toString('latin1') ?? ''
  const flags = (fieldOf(argument, 'flags')?.items ?? []).map(({ bytes }) => bytes.toString('latin1'))
  const type = text('type')
  const parts = (fieldOf(argument, 'arguments')?.items ?? []).map(argumentUsage)
  let usage =
    type === 'oneof' ? parts.join('|') : type === 'block' ? parts.join(' ') : type === 'pure-token' ? '' : text('name')
  if (type === 'oneof' && !flags.includes('optional')) usage = `<${usage}>`
  const token = text('token')
  if (token !== '') usage = usage === '' ? token : `${token} ${usage}`
  if (flags.includes('multiple')) usage = `${usage} [${usage} ...]`
  return flags.includes('optional') ? `[${usage}]` : usage
}

/** A map in RESP2 is an array of alternating names and values. */
function pairs(map: Reply | undefined): [string, Reply][] {
  const found: [string, Reply][] = []
  const items = map?.items ?? []
  for (const [name, value] of pairsIn(items)) found.push([name.bytes.toString('latin1'), value])
  return found
}

function fieldOf(map: Reply, name: string): Reply | undefined {
  return pairs(map).find(([field]) => field === name)?.[1]
}

/** Lines of earlier sessions, the latest first; none when there is no such file. */
function readHistory(file: string): string[] {
  if (!fs.existsSync(file)) return []
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  return lines
    .filter((line) => line !== '')
    .slice(-HISTORY_LINES_MAX)
    .reverse()
}

function keep(file: string, line: string): void {
  fs.appendFileSync(file, `${line}\n`, { mode: 0o600 })
}
