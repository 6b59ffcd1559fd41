// What is sent to both servers: a program of steps, each a burst of commands on one connection.

/** A word of a command, latin1; or the id that the server gave to one of the connections. */
export type Word = string | { idOf: number }

export type Command = readonly Word[]

export type Step =
  /** Commands in one write; `inline` sends them as lines instead of arrays. */
  | { kind: 'send'; connection: number; commands: Command[]; inline?: true }
  /** One command whose reply is a set in no particular order: compared sorted. */
  | { kind: 'unordered'; connection: number; commands: [Command] }
  /** One command whose reply depends on chance or time: only its type is compared. */
  | { kind: 'shape'; connection: number; commands: [Command] }
  /** RANDOMKEY: nil on both sides, or a key that exists. */
  | { kind: 'random-key'; connection: number; commands: [Command] }
  /** A whole SCAN iteration with these options: the elements are compared as a set. */
  | { kind: 'scan'; connection: number; options: string[]; commands: [Command] }
  /** Bytes as they are, for requests that are none. */
  | { kind: 'raw'; connection: number; bytes: string; commands: [] }
  /** Commands that park for less than `ms`, and that much time. */
  | { kind: 'wait'; connection: number; ms: number; commands: Command[] }

/** One episode: everything begins anew, so it can be repeated alone. */
export interface Program {
  seed: number
  steps: Step[]
}

export function encodeCommand(command: Command, idOf: (connection: number) => string): string {
  let text = `*${command.length}\r\n`
  for (const word of command) {
    const value = typeof word === 'string' ? word : idOf(word.idOf)
    text += `$${value.length}\r\n${value}\r\n`
  }
  return text
}

/** A line as a person would type it; every word quoted so that any byte passes. */
export function encodeInline(command: Command, idOf: (connection: number) => string): string {
  const words = command.map((word) => {
    const value = typeof word === 'string' ? word : idOf(word.idOf)
    if (/^[a-z0-9_:*-]+$/i.test(value)) return value
    let quoted = '"'
    for (const char of value) {
      const code = char.charCodeAt(0)
      if (char === '"' || char === '\\') quoted += `\\${char}`
      else if (code < 32 || code > 126) quoted += `\\x${code.toString(16).padStart(2, '0')}`
      else quoted += char
    }
    return `${quoted}"`
  })
  return `${words.join(' ')}\r\n`
}

/** A command as a line of a report. */
export function showCommand(command: Command): string {
  return command
    .map((word) => {
      if (typeof word !== 'string') return `<id of ${word.idOf}>`
      const shown = word.length > 200 ? `${word.slice(0, 200)}…(${word.length})` : word
      return /^[!-~]+$/.test(shown) && !shown.includes('"')
        ? shown
        : JSON.stringify(shown).replace(
            /[\u007f-\u00ff]/g,
            (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
          )
    })
    .join(' ')
}

export function showStep(step: Step): string {
  if (step.kind === 'raw') return `  [${step.connection}]  (raw) ${JSON.stringify(step.bytes)}`
  const lines = step.commands.map((command) => `  [${step.connection}]  ${showCommand(command)}`)
  if (step.kind === 'wait') lines.push(`       wait ${step.ms} ms`)
  return lines.join('\n')
}
