// An arena as one kind of owner sees it, in the checked build alone (block-guard.ts).
//
// It is the same arena: what is allocated here bears the owner's kind, and a ref that names no
// block of that kind is an assertion that fails, at the very read.

import type { BlockKind } from './block-guard.ts'

/** What a view watches of an arena. */
interface WatchedArena {
  assertKind(ref: number, kind: BlockKind): void
  giveTo(ref: number, kind: BlockKind): void
  allocate(length: number): number
  moved(ref: number): number
  free(ref: number): void
  source(ref: number): unknown
  start(ref: number): number
  length(ref: number): number
  capacity(ref: number): number
  setLength(ref: number, length: number): void
  copyBlock(ref: number, to: never): number
  checkBlock(ref: number): void
  checkWindow(ref: number, start: number, length: number): void
}

/** Makes a view of an arena for owners of a kind. */
export function viewOf<A extends WatchedArena>(arena: A, kind: BlockKind): A {
  const view: A = Object.create(arena)
  for (const [name, property] of properties(arena)) {
    const { get, value } = property
    // Private fields are the arena's own: every method runs on it.
    if (get !== undefined) Object.defineProperty(view, name, { get: () => get.call(arena), configurable: true })
    else if (typeof value === 'function')
      Object.defineProperty(view, name, { value: value.bind(arena), writable: true, configurable: true })
  }
  const own = <T extends unknown[], R>(method: (ref: number, ...rest: T) => R) => {
    return (ref: number, ...rest: T): R => {
      arena.assertKind(ref, kind)
      return method.call(arena, ref, ...rest)
    }
  }
  const allocated = (ref: number): number => {
    arena.giveTo(ref, kind)
    return ref
  }
  view.source = own(arena.source)
  view.start = own(arena.start)
  view.length = own(arena.length)
  view.capacity = own(arena.capacity)
  view.setLength = own(arena.setLength)
  view.free = own(arena.free)
  view.copyBlock = own(arena.copyBlock)
  view.checkBlock = own(arena.checkBlock)
  view.checkWindow = own(arena.checkWindow)
  view.allocate = (length) => allocated(arena.allocate(length))
  const moved = own(arena.moved)
  view.moved = (ref) => allocated(moved(ref))
  return view
}

/** Returns the methods and accessors of a class and of those that it extends, the base first. */
function properties(arena: object): [string, PropertyDescriptor][] {
  const all: [string, PropertyDescriptor][] = []
  let prototype = Object.getPrototypeOf(arena)
  for (; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    all.unshift(...Object.entries(Object.getOwnPropertyDescriptors(prototype as object)))
  }
  return all.filter(([name]) => name !== 'constructor')
}
