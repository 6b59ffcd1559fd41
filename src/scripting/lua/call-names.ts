// What the caller calls a library function, for the errors of its arguments.
//
// Lua names a function as its caller does: with `local f = math.floor`, `f({})` is a bad argument to 'f'; and a method's
// arguments are counted without the object, so that `("x"):rep({})` is a bad argument #1. Nothing keeps that while a
// program runs. When an error asks, its chunk is compiled once more with a note at each call, and V8's stack trace tells
// the column of the one that is under way.

import { parse } from './compiler/parser.ts'
import { type CallName, type ChunkOptions, writeNotedChunk } from './compiler/statements.ts'
import type { Position } from './errors.ts'

interface Chunk {
  readonly source: string
  readonly name: string
  readonly resumable: ChunkOptions['resumable']
  /** Leads to the whole engine that the chunk was loaded in, which may be gone by now; nobody asks about its chunks then. */
  readonly isFixed: WeakRef<NonNullable<ChunkOptions['isFixed']>> | undefined
  /** By `line:column` of the code; made when first asked for. */
  calls: ReadonlyMap<string, CallName> | undefined
}

/** Sources remembered, the oldest forgotten first: a program may load any number of chunks. What is forgotten goes by the library's own names. */
const SOURCES_LENGTH_MAX = 4 * 1024 * 1024
/** And so many chunks, be they ever so small. */
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

/** Remembers a chunk's source. Returns what `Position.chunkId` calls it. */
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

/** Tells what the call at a position names its function; undefined when the chunk is forgotten. */
export function callName({ chunkId, line, column }: Position): CallName | undefined {
  const chunk = chunks.get(chunkId)
  if (chunk === undefined) return undefined
  const { resumable, isFixed } = chunk
  chunk.calls ??= writeNotedChunk(parse(chunk.source, chunk.name), { resumable, isFixed: isFixed?.deref() })
  return chunk.calls.get(`${line}:${column}`) ?? UNNAMED
}
