// Checks a program's arguments before anything happens. Each error names the argument, its value,
// and the remedy.

/** A word of a command: text (sent as UTF-8), a number, or bytes. */
export type Word = string | number | bigint | Uint8Array

/** A command with its words. */
export type CommandWords = readonly [command: string, ...words: Word[]]

const WORDS = 'words are strings, numbers and bytes'

export function isWord(value: unknown): value is Word {
  switch (typeof value) {
    case 'string':
    case 'bigint':
      return true
    case 'number':
      return !Number.isNaN(value)
    default:
      return value instanceof Uint8Array
  }
}

/** The error for a value that cannot be a word of a command; word 0 is its name. */
export function wordError(command: unknown, index: number, value: unknown): TypeError {
  if (index > 0)
    return new TypeError(`${String(command)}: word ${index} is ${described(value)}; ${WORDS}${hintFor(value)}`)
  const hint = Array.isArray(value) ? ": write its elements one by one, call('SET', 'key', 'value')" : ''
  return new TypeError(`the name of the command is a string, not ${described(value)}${hint}`)
}

/** Throws TypeError unless a request is a name and words. */
export function checkRequest(command: unknown, words: readonly unknown[]): void {
  if (typeof command !== 'string') throw wordError(command, 0, command)
  for (let i = 0; i < words.length; i++) if (!isWord(words[i])) throw wordError(command, i + 1, words[i])
}

/**
 * Throws TypeError unless all of these are requests. `method` is the caller's name in the error.
 */
export function checkRequests(method: string, requests: unknown): asserts requests is readonly CommandWords[] {
  const wanted = `${method}: argument 'commands' is an array of commands, each an array of words: [['SET', 'key', 'value']]`
  if (!Array.isArray(requests)) throw new TypeError(`${wanted}; it is ${described(requests)}`)
  for (const [i, request] of requests.entries()) {
    if (!Array.isArray(request)) throw new TypeError(`${wanted}; its element ${i} is ${described(request)}`)
    const [command, ...words] = request as unknown[]
    checkRequest(command, words)
  }
}

/** Throws TypeError unless an argument is a string. */
export function checkText(method: string, argument: string, value: unknown): void {
  if (typeof value !== 'string') throw wrong(method, argument, 'a string', value)
}

/** Throws TypeError unless an argument is a function. */
export function checkFunction(method: string, argument: string, value: unknown): void {
  if (typeof value !== 'function') throw wrong(method, argument, 'a function', value)
}

/** Throws TypeError unless an argument is a word. */
export function checkWord(method: string, argument: string, value: unknown): void {
  if (!isWord(value)) throw wrong(method, argument, 'a string or bytes', value)
}

function wrong(method: string, argument: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`${method}: argument '${argument}' is ${wanted}; it is ${described(value)}${hintFor(value)}`)
}

/** Describes a value for a person. */
export function described(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return 'a Date'
  if (typeof value === 'object') return `an object (${value.constructor?.name ?? 'without a class'})`
  return `a ${typeof value}`
}

/** Returns the remedy for a value that cannot be a word. */
function hintFor(value: unknown): string {
  if (typeof value === 'boolean') return ": write 1 or 0, or 'true' or 'false'"
  if (value instanceof Date) return ': write its getTime(), or its toISOString()'
  if (Array.isArray(value)) return ': spread it, ...words'
  if (value === null) return ": write '' for an empty string"
  return typeof value === 'object' ? ': write its fields one by one, or JSON.stringify() it' : ''
}
