// Two interfaces around slow scripts: the engine's view of the script runner, and the engine's view
// of the code that reads the sockets.
//
// A script runs to its end synchronously. When one takes longer than `busy-reply-threshold`, other
// clients get BUSY, and only the few commands run that may end it (busy-replies.ts).

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import type { Client } from '../clients/client.ts'

/** Runs scripts and keeps function libraries. */
export interface ScriptRunner {
  /** The error for other clients while a script is slow; undefined while none is. */
  readonly busy: ReplyError | undefined
  /** Figures for INFO. */
  readonly cachedScripts: number
  readonly libraryCount: number
  readonly functionCount: number
  /** Bytes of the cached scripts, and of the libraries. */
  readonly scriptBytes: number
  readonly functionBytes: number
  /**
   * Serves other clients in the middle of a command that the running script has called. Throws a
   * ReplyError when the script is to end.
   */
  giveWay(): void
  /**
   * Stops the running script, whatever it has changed: the server ends without saving (SHUTDOWN
   * NOSAVE).
   */
  abort(): void
  /** The code of each function library, latin1, for snapshots. */
  libraries(): Iterable<string>
  /** Loads a library from a snapshot. Throws ReplyError. */
  loadLibrary(code: string): void
  /**
   * Removes all libraries. The returned function brings them back, in the place of any that were
   * loaded meanwhile.
   */
  setLibrariesAside(): () => void
  /** Loads all of these libraries or none; `append` refuses names that exist. Throws ReplyError. */
  addLibraries(codes: readonly string[], policy: 'append' | 'replace'): void
}

/** Answers clients while a slow script runs. */
export interface BusyAnswers {
  /** Tells if a client may be read: it waits for nothing, and does not run the script. */
  hears(client: Client): boolean
  /** Takes a client's bytes, and replies. The buffer may be reused afterwards. */
  receive(client: Client, source: Source, start: number, end: number): void
}

/** Reads clients' sockets while a script keeps the event loop from turning. */
export interface BusyListener {
  /**
   * Hands over the bytes that clients have sent since the last time. Called repeatedly while a
   * script is slow.
   */
  listen(clients: BusyAnswers): void
  /** The script has ended. */
  done(): void
}

/** The script runner of an engine without scripts. */
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

/** Returns a runner without scripts that calls `make` when a function library is to be loaded. */
export function scriptsLater(make: () => ScriptRunner): ScriptRunner {
  return {
    ...noScripts,
    loadLibrary: (code) => make().loadLibrary(code),
    // There are no libraries to set aside. Libraries that are loaded meanwhile are not kept.
    setLibrariesAside: () => () => void make().setLibrariesAside(),
    addLibraries(codes, policy) {
      if (codes.length > 0) make().addLibraries(codes, policy)
    },
  }
}
