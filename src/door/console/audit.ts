// Audit lines: each change that a visitor makes by the console is told in the log, with the user,
// the address and the command. Words that the slow log would hide are hidden.

import type { Engine } from '../../commands/call.ts'
import { type Command, isSecret } from '../../engine/spec/command.ts'
import { WordArguments } from '../../protocol/word-arguments.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import type { Visitor } from '../rights/visitor.ts'
import type { Proxies } from '../sign-in/proxies.ts'
import type { Words } from './asker.ts'

/** Longer words are cut, and of more words the number is told. */
const WORD_CHARACTERS_MAX = 128
const WORDS_MAX = 32

/** Commands with the flag `admin` that change nothing. */
const ADMIN_READS =
  /^(acl\|(cat|dryrun|genpass|getuser|list|users|whoami)|client\|(getname|getredir|id|info|list|trackinginfo)|config\|get|latency\|(doctor|graph|histogram|history|latest)|slowlog\|(get|len)|[a-z]+\|help|lastsave|role|module\|list|cluster\|(nodes|slots|shards|info|links|countkeysinslot|getkeysinslot|keyslot|myid|myshardid|replicas|slaves|moves)|debug\|digest)$/
/** Commands without the flags `write` and `admin` that change something, or may. */
const OTHER_CHANGES =
  /^(publish|spublish|eval|evalsha|fcall|script\|(flush|kill|load)|function\|(delete|flush|kill|load|restore)|channel\|(ack|cancel|forget|seek|trim)|client\|(kill|pause|unpause|unblock|no-evict)|exec)$/

export class Audit {
  readonly #engine: Engine
  readonly #proxies: Proxies
  readonly #words = new WordArguments()

  constructor(engine: Engine, proxies: Proxies) {
    this.#engine = engine
    this.#proxies = proxies
  }

  /** Tells of a command, if it changes something. */
  note(exchange: Exchange, visitor: Visitor, words: Words, error: string | undefined): void {
    const command = this.#engine.commands.meant(String(words[0]), words[1])
    if (command === undefined || !changes(command)) return
    this.tell(exchange, visitor, { command: this.#shown(command, words), ...outcome(error) })
  }

  /** Tells of something else that a visitor has done. */
  tell(exchange: Exchange, { user }: Visitor, details: object): void {
    const address = this.#proxies.addressOf(exchange)
    this.#engine.environment.log.info({ audit: { user, address, ...details } }, 'audit')
  }

  /** Returns the words of a command as they may be told. */
  #shown(command: Command, words: Words): string[] {
    const { args } = this.#writeWords(words)
    const told = words.slice(0, WORDS_MAX).map((word, i) => (isSecret(command, args, i) ? '(redacted)' : cut(word)))
    if (words.length > WORDS_MAX) told.push(`... (${words.length - WORDS_MAX} more)`)
    this.#words.release()
    return told
  }

  #writeWords([name = '', ...others]: Words): WordArguments {
    this.#words.begin(String(name))
    for (const word of others) {
      if (typeof word === 'string') this.#words.text(word)
      else this.#words.bytes(word)
    }
    return this.#words
  }
}

function outcome(error: string | undefined): object {
  return error === undefined ? { ok: true } : { ok: false, error }
}

function changes({ flags, name }: Command): boolean {
  if (flags.has('write') || OTHER_CHANGES.test(name)) return true
  return flags.has('admin') && !ADMIN_READS.test(name)
}

function cut(word: string | Uint8Array): string {
  const text = typeof word === 'string' ? word : Buffer.from(word).toString('latin1')
  if (text.length <= WORD_CHARACTERS_MAX) return text
  return `${text.slice(0, WORD_CHARACTERS_MAX)}... (${text.length - WORD_CHARACTERS_MAX} more)`
}
