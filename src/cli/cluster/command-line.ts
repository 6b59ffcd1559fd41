// The words of a command line: `--name value`, each at most once.

import { CLUSTER_OPTIONS } from '../options/cluster-options.ts'
import { optionNamed, unknownOption } from '../options/program-option.ts'
import { UsageError } from '../usage-error.ts'

export class CommandLine {
  readonly #values = new Map<string, string>()

  /** Throws `UsageError` when the words are not pairs of an option's name and a value. */
  constructor(args: readonly string[]) {
    for (let i = 0; i < args.length; i += 2) {
      const [name = '', value] = [args[i], args[i + 1]]
      // An option that is not there is named before those that are missing: one may be meant by it.
      if (/^--?[a-z-]+$/.test(name) && optionNamed(CLUSTER_OPTIONS, name) === undefined)
        throw unknownOption(CLUSTER_OPTIONS, name)
      if (!/^--?[a-z-]+$/.test(name) || value === undefined) throw new UsageError(`'${name}' needs a value`)
      if (this.#values.has(name)) throw new UsageError(`'${name}' is given twice`)
      this.#values.set(name, value)
    }
  }

  /** Returns a value; undefined when it was not given. */
  take(name: string): string | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }

  need(name: string): string {
    const value = this.take(name)
    if (value === undefined || value === '') throw new UsageError(`'${name}' is missing`)
    return value
  }

  /** Returns a number of 1 or more; undefined when it was not given. */
  takeCount(name: string): number | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (!/^[1-9]\d{0,5}$/.test(value)) throw new UsageError(`'${name}' must be a number of 1 or more`)
    return Number(value)
  }

  /** Throws `UsageError` when options are left over. */
  end(): void {
    for (const name of this.#values.keys()) throw unknownOption(CLUSTER_OPTIONS, name)
  }
}

/** Reads `host:port,host:port …`. */
export function readAddresses(text: string): { host: string; port: number }[] {
  return text.split(',').map((place) => {
    const [, host, port] = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(place) ?? []
    if (host === undefined) throw new UsageError(`'${place}' is not host:port`)
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  })
}

/** Reads one `host:port`, the first of several. */
export function readAddress(text: string): { host: string; port: number } {
  const [place] = readAddresses(text)
  if (place === undefined) throw new UsageError(`'${text}' is not host:port`)
  return place
}
