// `--eval FILE KEY … , ARGUMENT …`: the words of EVAL.

import { readFileSync } from 'node:fs'
import { TaskFailed } from './task.ts'

/** Throws TaskFailed when the file cannot be read. */
export function scriptCall(file: string, words: readonly string[]): readonly string[] {
  const comma = words.indexOf(',')
  const keys = comma < 0 ? words : words.slice(0, comma)
  const rest = comma < 0 ? [] : words.slice(comma + 1)
  return ['EVAL', textOf(file), String(keys.length), ...keys, ...rest]
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    throw new TaskFailed(`Can't open file '${file}': ${(error as Error).message}`)
  }
}
