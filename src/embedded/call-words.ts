// The words of the running call, as arguments. All callers of a process share this memory.

import { WordArguments } from '../protocol/word-arguments.ts'
import { type CommandWords, isWord, type Word, wordError } from './argument-checks.ts'

/** The engine is done with them before any other call is made. */
const room = { words: new WordArguments() }

/** Makes arguments of words. They must be released after the call has run. Throws TypeError. */
export function gatherWords(command: string, rest: readonly Word[]): WordArguments {
  const { words } = room
  if (typeof command !== 'string') throw wordError(command, 0, command)
  words.begin(command)
  for (let i = 0; i < rest.length; i++) if (!addWord(words, rest[i])) throw wordError(command, i + 1, rest[i])
  return words
}

/** Like `gatherWords`, for an array of the name and its words, which have been checked. */
export function gatherChecked(request: CommandWords): WordArguments {
  const { words } = room
  words.begin(request[0])
  for (let i = 1; i < request.length; i++) addWord(words, request[i])
  return words
}

/** Adds a word; returns false for a value that cannot be one. */
function addWord(words: WordArguments, word: unknown): boolean {
  if (typeof word === 'string') words.text(word)
  else if (!isWord(word)) return false
  else if (typeof word === 'object') words.bytes(word)
  else words.text(String(word))
  return true
}
