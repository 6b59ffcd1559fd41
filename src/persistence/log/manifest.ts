// The manifest: it names the files that make up the append-only log, in order.
//
// Redis 7's format, a line for each file:
//
//   file appendonly.aof.1.base.rdb seq 1 type b     the base: state at one moment; at most one
//   file appendonly.aof.1.incr.aof seq 1 type i     increments: the effects since, in order
//   file appendonly.aof.1.incr.aof seq 1 type h     history: replaced by a base, to be deleted
//
// Lines beginning with # are comments. Names with blanks or odd bytes are quoted. Bases and
// increments have separate sequence numbers. The manifest is the only truth: a file that it does
// not name is not part of the log.

import { splitInline } from '../../protocol/inline-words.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { PersistenceError } from '../errors.ts'

export type PartType = 'base' | 'increment' | 'history'

/** One file of the log, by its name inside the directory. */
export interface Part {
  readonly name: string
  readonly sequence: number
  readonly type: PartType
}

const TYPE_LETTERS = { b: 'base', i: 'increment', h: 'history' } as const
const LETTERS = { base: 'b', increment: 'i', history: 'h' } as const
/** Redis's own bound; a longer line is no manifest. */
const LINE_BYTES_MAX = 1024

const ADVICE = 'Restore the manifest from a backup or correct it by hand: it names the files of the log in their order'

export class Manifest {
  base: Part | undefined = undefined
  increments: Part[] = []
  history: Part[] = []

  /** Reads a manifest's content; `file` is for messages. Throws PersistenceError. */
  static parse(content: Buffer, file: string): Manifest {
    const manifest = new Manifest()
    const lines = content.toString('latin1').split('\n')
    const last = lines.pop()
    if (last !== '')
      throw new PersistenceError(
        file,
        undefined,
        'Invalid AOF manifest file format: the last line is not whole',
        ADVICE,
      )
    if (lines.length === 0)
      throw new PersistenceError(file, undefined, 'Invalid AOF manifest file format: it is empty', ADVICE)
    lines.forEach((line, i) => {
      if (!line.startsWith('#')) manifest.#add(parseLine(line, i + 1, file), i + 1, file)
    })
    return manifest
  }

  #add(part: Part, line: number, file: string): void {
    if (this.names.has(part.name)) throw malformed(file, line, `names ${part.name} once more`)
    if (part.type === 'history') {
      this.history.push(part)
    } else if (part.type === 'base') {
      if (this.base !== undefined) throw malformed(file, line, 'names a second base file')
      this.base = part
    } else {
      const previous = this.increments.at(-1)
      if (previous !== undefined && part.sequence <= previous.sequence) {
        throw malformed(file, line, `has sequence number ${part.sequence} after ${previous.sequence}`)
      }
      this.increments.push(part)
    }
  }

  /** Returns the content of the file. */
  format(): Buffer {
    const parts = [...this.history, ...this.increments]
    if (this.base !== undefined) parts.unshift(this.base)
    const lines = parts.map((p) => `file ${quote(p.name)} seq ${p.sequence} type ${LETTERS[p.type]}\n`)
    return Buffer.from(lines.join(''), 'latin1')
  }

  /** The files that make up the data, in the order of replay. */
  get parts(): Part[] {
    return this.base === undefined ? [...this.increments] : [this.base, ...this.increments]
  }

  /** Names of all files, history included. */
  get names(): Set<string> {
    return new Set([...this.parts, ...this.history].map((part) => part.name))
  }

  /**
   * Adds the next increment and returns it; `prefix` is `appendfilename`, `used` are names that it
   * may not get.
   */
  addIncrement(prefix: string, used: ReadonlySet<string> = new Set()): Part {
    const { names } = this
    let sequence = this.increments.at(-1)?.sequence ?? 0
    let name: string
    // The file will be created empty, so it must not be one that the manifest still names, as
    // history for instance.
    do name = `${prefix}.${++sequence}.incr.aof`
    while (names.has(name) || used.has(name))
    const part: Part = { name, sequence, type: 'increment' }
    this.increments.push(part)
    return part
  }

  /** Asserts what holds of a manifest that is about to be written. */
  check(): void {
    const { parts, increments, history } = this
    assert(new Set(parts.map(({ name }) => name)).size === parts.length, 'a manifest names each part once')
    for (const [i, { sequence, type }] of increments.entries()) {
      assert(type === 'increment', 'the parts behind a base are increments')
      assert(i === 0 || itemAt(increments, i - 1).sequence < sequence, 'increments are named in the order of writing')
    }
    assert(this.base === undefined || this.base.type === 'base', 'the base of a manifest is a base')
    assert(
      history.every(({ type }) => type === 'history'),
      'parts that a base has replaced are history',
    )
  }
}

function parseLine(line: string, number: number, file: string): Part {
  const words = line.length > LINE_BYTES_MAX ? undefined : splitInline(line)
  // Pairs of words other than these three are left to later versions, as Redis leaves them.
  if (words === undefined || words.length < 6 || words.length % 2 !== 0) throw malformed(file, number, 'is malformed')
  let name: string | undefined
  let sequence: number | undefined
  let type: PartType | undefined
  const said = new Set<string>()
  for (let i = 0; i < words.length; i += 2) {
    const value = itemAt(words, i + 1)
    const what = itemAt(words, i).toLowerCase()
    // Two lines whose line break was damaged look like one; to take the last word of each kind
    // would forget a file.
    if (said.has(what)) throw malformed(file, number, `says '${what}' twice`)
    said.add(what)
    switch (what) {
      case 'file':
        name = Buffer.from(value, 'latin1').toString('utf8')
        break
      case 'seq':
        if (/^[1-9]\d{0,14}$/.test(value)) sequence = Number(value)
        break
      case 'type':
        type = TYPE_LETTERS[value as keyof typeof TYPE_LETTERS]
        break
    }
  }
  if (name === undefined || sequence === undefined || type === undefined || name === '') {
    throw malformed(file, number, 'lacks a usable file, seq or type')
  }
  if (name.includes('/')) throw malformed(file, number, 'names a file outside of its directory')
  return { name, sequence, type }
}

function malformed(file: string, line: number, problem: string): PersistenceError {
  return new PersistenceError(file, undefined, `Invalid AOF manifest file format: line ${line} ${problem}`, ADVICE)
}

/** Returns a name in the quoting that the reader expects, as latin1. */
function quote(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('latin1')
  if (/^[!#-&(-[\]-~]+$/.test(bytes)) return bytes
  const escaped = bytes.replace(/[^ -~]|["\\]/g, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${escaped}"`
}
