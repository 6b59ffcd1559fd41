// A method that does something else until the end of a test. Vitest's spies remember every call, and are remembered themselves until the
// process ends: with them whatever their tests have made.

import { onTestFinished } from 'vitest'

type Method = (...args: never[]) => unknown

/** Puts what `make` makes of the method in its place; the test's end puts it back. */
export function replaceMethod<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  make: (original: Owner[Name]) => Owner[Name],
): void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  const original = owner[name]
  owner[name] = make(original)
  onTestFinished(() => {
    if (own === undefined) delete owner[name]
    else Object.defineProperty(owner, name, own)
  })
}

/** Remembers what a method is called with, and has it do what it does. */
export function callsOf<Owner extends object, Name extends keyof Owner>(owner: Owner, name: Name): unknown[][] {
  const calls: unknown[][] = []
  replaceMethod(
    owner,
    name,
    (original) =>
      function (this: Owner, ...args: never[]) {
        calls.push(args)
        return (original as Method).apply(this, args)
      } as Owner[Name],
  )
  return calls
}
