// `--bigkeys`, `--memkeys`: the largest key of each type, and averages.

import { itemAt } from '../../../util/array-reads.ts'
import { quoted } from '../../../util/bytes/quoted.ts'
import type { Task } from '../task.ts'
import { askAll, printWalkHeading, twoDigits, walkKeys } from './key-walk.ts'

/** The counts and the largest key of one type. */
interface TypeFigures {
  readonly name: string
  /** The command that returns the number of elements, and the word for them; '' = unknown. */
  readonly sizeCommand: string
  readonly unit: string
  keys: number
  total: number
  biggest: number
  /** The key, quoted; undefined = none yet. */
  biggestKey: string | undefined
}

const TYPES: readonly (readonly [name: string, sizeCommand: string, unit: string])[] = [
  ['string', 'STRLEN', 'bytes'],
  ['list', 'LLEN', 'items'],
  ['set', 'SCARD', 'members'],
  ['hash', 'HLEN', 'fields'],
  ['zset', 'ZCARD', 'members'],
  ['stream', 'XLEN', 'entries'],
]

export async function findBigKeys(task: Task, by: 'elements' | 'memory'): Promise<void> {
  printWalkHeading(task, 'biggest')
  const figures = new Map(TYPES.map(([name, command, unit]) => [name, newFigures(name, command, unit)]))
  let sampled = 0
  let nameBytes = 0
  for await (const { keys, percent } of walkKeys(task)) {
    const types = await askAll(task, keys, (key) => ['TYPE', key])
    // A key that has gone meanwhile has the type `none`.
    const named = keys.map((key, i) => [key, itemAt(types, i).bytes.toString('latin1')] as const)
    const here = named.filter(([, type]) => type !== 'none')
    for (const [, type] of here) if (!figures.has(type)) figures.set(type, newFigures(type, '', '?'))
    const sizes = await sizesOf(task, here, by, figures)
    for (const [i, [key, type]] of here.entries()) {
      const own = figures.get(type)
      if (own !== undefined) note(task, own, key, itemAt(sizes, i), by, percent)
      nameBytes += key.length
      sampled++
    }
  }
  printSummary(task, [...figures.values()], sampled, nameBytes, by)
}

function newFigures(name: string, sizeCommand: string, unit: string): TypeFigures {
  return { name, sizeCommand, unit, keys: 0, total: 0, biggest: 0, biggestKey: undefined }
}

async function sizesOf(
  task: Task,
  named: readonly (readonly [key: string, type: string])[],
  by: 'elements' | 'memory',
  figures: ReadonlyMap<string, TypeFigures>,
): Promise<number[]> {
  const { samples } = task.options.walk
  const commandOf = (type: string): readonly string[] => {
    if (by === 'memory') return ['MEMORY', 'USAGE']
    return [figures.get(type)?.sizeCommand ?? '']
  }
  const sizes: number[] = []
  const asked = named.map(async ([key, type]) => {
    const command = commandOf(type)
    if (command[0] === '') return 0
    const words = [...command, key, ...(by === 'memory' && samples !== undefined ? ['SAMPLES', samples] : [])]
    const { bytes, type: kind } = await task.connection.ask(words)
    if (kind === ':') return Number(bytes.toString('latin1'))
    task.streams.complain(`Warning:  ${command[0]} on '${key}' failed (may have changed type)`)
    return 0
  })
  for (const size of asked) sizes.push(await size)
  return sizes
}

function note(
  { streams }: Task,
  figures: TypeFigures,
  key: string,
  size: number,
  by: 'elements' | 'memory',
  percent: string,
): void {
  figures.keys++
  figures.total += size
  if (size <= figures.biggest) return
  figures.biggest = size
  figures.biggestKey = quoted(key)
  const unit = by === 'memory' ? 'bytes' : figures.unit
  streams.print(
    `[${percent}%] Biggest ${figures.name.padEnd(6)} found so far '${figures.biggestKey}' with ${size} ${unit}\n`,
  )
}

function printSummary(
  { streams }: Task,
  types: readonly TypeFigures[],
  sampled: number,
  nameBytes: number,
  by: 'elements' | 'memory',
): void {
  const unitOf = ({ unit }: TypeFigures): string => (by === 'memory' ? 'bytes' : unit)
  const average = (sum: number, count: number): string => (count === 0 ? 0 : sum / count).toFixed(2)
  let text = `\n-------- summary -------\n\nSampled ${sampled} keys in the keyspace!\n`
  text += `Total key length in bytes is ${nameBytes} (avg len ${average(nameBytes, sampled)})\n\n`
  for (const type of types) {
    if (type.biggestKey === undefined) continue
    text += `Biggest ${type.name.padStart(6)} found '${type.biggestKey}' has ${type.biggest} ${unitOf(type)}\n`
  }
  text += '\n'
  for (const type of types) {
    const share = twoDigits(sampled === 0 ? 0 : (100 * type.keys) / sampled)
    text += `${type.keys} ${type.name}s with ${type.total} ${unitOf(type)} `
    text += `(${share}% of keys, avg size ${average(type.total, type.keys)})\n`
  }
  streams.print(text)
}
