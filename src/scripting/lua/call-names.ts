// The names by which callers call library functions, for argument errors.
//
// Lua names a function as its caller does. With `local f = math.floor`, `f({})` is a bad argument
// to 'f'. A method's arguments are counted without the object, so that `("x"):rep({})` is a bad
// argument #1. A running program does not keep these names. When an error needs one, the chunk is
// compiled again with a note at each call, and the column in V8's stack trace selects the note.

import { parse } from './compiler/parser.ts'
import { type CallName, type ChunkOptions, writeNotedChunk } from './compiler/statements.ts'
import type { Position } from './errors.ts'

interface Chunk {
  readonly source: string
  readonly name: string
  readonly resumable: ChunkOptions['resumable']
  /**
   * Holds the whole engine that loaded the chunk, so only weakly. Once that is gone, the chunk's
   * names are not needed.
   */
  readonly isFixed: WeakRef<NonNullable<ChunkOptions['isFixed']>> | undefined
  /** By `line:column` of the code. Made at the first use. */
  calls: ReadonlyMap<string, CallName> | undefined
}

/**
 * Characters of source that are remembered; the oldest go first, because a program may load any
 * number of chunks. Errors in a forgotten chunk use the library's own names.
 */
const SOURCES_LENGTH_MAX = 4 * 1024 * 1024
/** Most chunks remembered, however small. */
const CHUNKS_MAX = 4000

const UNNAMED: CallName = { name: '?', isMethod: false }

const chunks = new Map<string, Chunk>()
/**
 * What the chunks above take. Names of functions carry a chunk's id, so ids are never used again in
 * a process.
 */
const remembered = {
  sourcesLength: 0,
  count: 0,
}

/** Remembers a chunk's source. Returns its `Position.chunkId`. */
export function rememberChunk(source: string, name: string, { resumable, isFixed }: ChunkOptions): string {
  const id = (remembered.count++).toString(36)
  if (source.length > SOURCES_LENGTH_MAX) return id
  chunks.set(id, {
    source,
    name,
    resumable,
    isFixed: isFixed === undefined ? undefined : new WeakRef(isFixed),
    calls: undefined,
  })
  remembered.sourcesLength += source.length
  for (const [oldest, { source }] of chunks) {
    if (remembered.sourcesLength <= SOURCES_LENGTH_MAX && chunks.size <= CHUNKS_MAX) break
    chunks.delete(oldest)
    remembered.sourcesLength -= source.length
  }
  return id
}

/**
 * Returns the name that the call at a position gives its function; undefined when the chunk is
 * forgotten.
 */
export function callName({ chunkId, line, column }: Position): CallName | undefined {
  const chunk = chunks.get(chunkId)
  if (chunk === undefined) return undefined
  const { resumable, isFixed } = chunk
  chunk.calls ??= writeNotedChunk(parse(chunk.source, chunk.name), { resumable, isFixed: isFixed?.deref() })
  return chunk.calls.get(`${line}:${column}`) ?? UNNAMED
}
