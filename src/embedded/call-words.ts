// The words of the call that is being made, as arguments: one room for all callers of a process.

import { WordArguments } from '../protocol/word-arguments.ts'
import { type CommandWords, isWord, type Word, wordError } from './argument-checks.ts'

/** Nothing else is called before the engine is done with them. */
const room = { words: new WordArguments() }

/** Makes arguments of words; to be released when the call has run. Throws TypeError. */
export function gatherWords(command: string, rest: readonly Word[]): WordArguments {
  const { words } = room
  if (typeof command !== 'string') throw wordError(command, 0, command)
  words.begin(command)
  for (let i = 0; i < rest.length; i++) if (!addWord(words, rest[i])) throw wordError(command, i + 1, rest[i])
  return words
}

/** As `gatherWords`, of a name and its words in one array, all of which were checked. */
export function gatherChecked(request: CommandWords): WordArguments {
  const { words } = room
  words.begin(request[0])
  for (let i = 1; i < request.length; i++) addWord(words, request[i])
  return words
}

/** Adds a word; false for what is none. */
function addWord(words: WordArguments, word: unknown): boolean {
  if (typeof word === 'string') words.text(word)
  else if (!isWord(word)) return false
  else if (typeof word === 'object') words.bytes(word)
  else words.text(String(word))
  return true
}
