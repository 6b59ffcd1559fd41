// An arena as one kind of owner sees it. Used in the checked build alone (block-guard.ts).
//
// A view is the same arena. Blocks allocated through it are marked with the owner's kind. Each read
// asserts that the ref names a block of that kind, so a wrong ref fails where it is used.

import type { BlockKind } from './block-guard.ts'

/** The methods of an arena that a view checks. */
interface WatchedArena {
  assertKind(ref: number, kind: BlockKind): void
  setKind(ref: number, kind: BlockKind): void
  allocate(length: number): number
  moveIfLeaving(ref: number): number
  free(ref: number): void
  source(ref: number): unknown
  start(ref: number): number
  length(ref: number): number
  capacity(ref: number): number
  setLength(ref: number, length: number): void
  copyBlock(ref: number, to: never): number
  checkBlock(ref: number): void
}

/** Makes a view of an arena for owners of a kind. */
export function viewOf<A extends WatchedArena>(arena: A, kind: BlockKind): A {
  const view: A = Object.create(arena)
  for (const [name, property] of properties(arena)) {
    const { get, value } = property
    // Private fields belong to the arena itself, so every method is bound to it.
    if (get !== undefined) Object.defineProperty(view, name, { get: () => get.call(arena), configurable: true })
    else if (typeof value === 'function')
      Object.defineProperty(view, name, { value: value.bind(arena), writable: true, configurable: true })
  }
  // Written out by hand, because tests call these methods for every element they read.
  view.source = (ref) => {
    arena.assertKind(ref, kind)
    return arena.source(ref)
  }
  view.start = (ref) => {
    arena.assertKind(ref, kind)
    return arena.start(ref)
  }
  view.length = (ref) => {
    arena.assertKind(ref, kind)
    return arena.length(ref)
  }
  view.capacity = (ref) => {
    arena.assertKind(ref, kind)
    return arena.capacity(ref)
  }
  view.setLength = (ref, length) => {
    arena.assertKind(ref, kind)
    arena.setLength(ref, length)
  }
  view.free = (ref) => {
    arena.assertKind(ref, kind)
    arena.free(ref)
  }
  view.copyBlock = (ref, to) => {
    arena.assertKind(ref, kind)
    return arena.copyBlock(ref, to)
  }
  view.checkBlock = (ref) => {
    arena.assertKind(ref, kind)
    arena.checkBlock(ref)
  }
  view.allocate = (length) => {
    const ref = arena.allocate(length)
    arena.setKind(ref, kind)
    return ref
  }
  view.moveIfLeaving = (ref) => {
    arena.assertKind(ref, kind)
    const to = arena.moveIfLeaving(ref)
    arena.setKind(to, kind)
    return to
  }
  return view
}

/** Returns the methods and accessors of a class and of its base classes, the base first. */
function properties(arena: object): [string, PropertyDescriptor][] {
  const all: [string, PropertyDescriptor][] = []
  let prototype = Object.getPrototypeOf(arena)
  for (; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    all.unshift(...Object.entries(Object.getOwnPropertyDescriptors(prototype as object)))
  }
  return all.filter(([name]) => name !== 'constructor')
}
