// Two interfaces: the engine's view of the code that runs scripts, and that code's view of the one that holds the sockets.
//
// A script runs to its end synchronously. One that takes longer than
// `busy-reply-threshold` holds everybody up: from then on other clients are
// answered BUSY, and those few commands are run that may end it (busy-replies.ts).

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import type { Client } from '../clients/client.ts'

/** Runs scripts and keeps function libraries. */
export interface ScriptRunner {
  /** What others are told while a script holds them up; undefined while none does. */
  readonly busy: ReplyError | undefined
  /** Figures for INFO. */
  readonly cachedScripts: number
  readonly libraryCount: number
  readonly functionCount: number
  /** Bytes of the scripts and of the libraries that are kept. */
  readonly scriptBytes: number
  readonly functionBytes: number
  /** Lets others be heard in the middle of a command that the running script has called. Throws a ReplyError when the script is to end. */
  giveWay(): void
  /** Stops the script that runs, whatever it has changed: the server ends without keeping that (SHUTDOWN NOSAVE). */
  abort(): void
  /** The code of every function library, latin1, for snapshots. */
  libraries(): Iterable<string>
  /** Loads a library out of a snapshot. Throws ReplyError. */
  loadLibrary(code: string): void
  /** Begins without libraries; what is returned brings them back, in the place of those that came meanwhile. */
  setLibrariesAside(): () => void
  /** Loads all of these libraries or none; `append` refuses names that are taken. Throws ReplyError. */
  addLibraries(codes: readonly string[], policy: 'append' | 'replace'): void
}

/** Whoever answers clients while a script holds everybody up. */
export interface BusyAnswers {
  /** Tells whether a client may be read: it is not waiting for something itself, and is not the script's. */
  hears(client: Client): boolean
  /** Takes what a client sent, and answers it. The buffer may be reused afterwards. */
  receive(client: Client, source: Source, start: number, end: number): void
}

/** Hears clients although a script keeps the event loop from turning. */
export interface BusyListener {
  /** Hands over what clients sent since the last time. Called again and again while a script is slow. */
  listen(clients: BusyAnswers): void
  /** The script has ended. */
  done(): void
}

/** An engine without scripts. */
export const noScripts: ScriptRunner = {
  busy: undefined,
  cachedScripts: 0,
  libraryCount: 0,
  functionCount: 0,
  scriptBytes: 0,
  functionBytes: 0,
  giveWay() {},
  abort() {},
  *libraries() {},
  loadLibrary() {
    throw ERR.of('there are no functions here')
  },
  setLibrariesAside: () => () => {},
  addLibraries() {},
}

/** An engine without scripts as yet: a library to keep has `make` make them. */
export function scriptsLater(make: () => ScriptRunner): ScriptRunner {
  return {
    ...noScripts,
    loadLibrary: (code) => make().loadLibrary(code),
    // There are none; libraries that come meanwhile are not kept.
    setLibrariesAside: () => () => void make().setLibrariesAside(),
    addLibraries(codes, policy) {
      if (codes.length > 0) make().addLibraries(codes, policy)
    },
  }
}
