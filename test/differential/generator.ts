// Random programs from a seed.
//
// A program has one reader (asks for the state, for sets without order and for
// what must never be parked or subscribed), two observers (subscribed, RESP3 and
// RESP2) and several workers, which do everything: transactions, WATCH, blocking,
// sometimes subscribing. The generator keeps only a vague idea of what state a
// worker is in, enough to bring it back: whoever may be parked is unblocked now
// and then, whoever may be subscribed is RESET.
//
// Nothing in a program depends on how fast it runs. Relative expiry times are days
// away and all different, past ones are past, timeouts are for ever or followed by
// a wait: `settleTimes` sees to it whatever the random arguments were.

import { Random } from '../../src/util/numbers/random.ts'
import { redisServerIsOlder } from '../support/redis-server.ts'
import { dumpCommand } from './dumps.ts'
import { FAMILIES } from './families.ts'
import type { Argument, Grammar } from './grammar.ts'
import { TABLE_FIELDS, TABLE_KEYS } from './hashes.ts'
import { SHARED_SETTINGS } from './peers.ts'
import type { Command, Program, Step, Word } from './program.ts'
import { LONELY_KEYS } from './sets.ts'
import { LEX_KEYS } from './sorted-sets.ts'
import { NUMBER_KEYS, sortCommands } from './sorts.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

export const READER = 0
const OBSERVERS = [1, 2]
const WORKERS = [3, 4, 5, 6]
/** Parks with short timeouts, and the program waits for it at once. */
const TIMER = 7
export const CONNECTIONS = 8

/** Commands whose replies are neither deterministic nor made so, or that would end the server. */
const EXCLUDED = new Set(
  `acl asking auth bgrewriteaof bgsave client client|id client|info client|kill client|list client|unblock client|pause client|reply client|caching
  zscan client|tracking client|trackinginfo client|getredir client|setinfo client|no-touch command command|count command|docs command|info command|list
  command|getkeys command|getkeysandflags config config|get config|set config|rewrite config|resetstat debug exec discard failover hello info keys
  lastsave latency lolwut memory migrate module monitor multi object object|idletime object|refcount pfselftest psubscribe psync pubsub pubsub|channels
  pubsub|shardchannels punsubscribe quit randomkey readonly readwrite replconf replicaof reset role save scan shutdown slaveof slowlog
  function|dump script|debug ssubscribe subscribe sunsubscribe sync time unsubscribe wait waitaof restore dump restore-asking flushall flushdb swapdb select watch unwatch`.split(
    /\s+/,
  ),
)

/** Reports about the server itself, and help texts. */
const EXCLUDED_FAMILIES = /^(acl|latency|memory|module|slowlog)\||\|help$/

/** How often a command is made, relative to 10; the others are in between. */
const WEIGHTS: Record<string, number> = {
  set: 60, get: 15, append: 12, setrange: 12, getrange: 15, incrbyfloat: 15, incrby: 15, lcs: 6, mset: 10, lpush: 40, rpush: 40, lrange: 20,
  linsert: 15, lset: 15, lrem: 15, ltrim: 8, lpos: 20, lmove: 15, lpop: 15, rpop: 15, lmpop: 15, blpop: 6, brpop: 6, blmove: 6, blmpop: 6,
  brpoplpush: 4, hset: 30, hdel: 12, hincrbyfloat: 12, del: 6, unlink: 4, expire: 15, copy: 12, pfdebug: 2, rename: 8, renamenx: 8, move: 8, publish: 10, spublish: 4,
  xadd: 60, xreadgroup: 25, xack: 15, xclaim: 12, 'xgroup|create': 20, 'xgroup|destroy': 4,
  zadd: 50, zincrby: 15, zrange: 20, zrangestore: 10, zrem: 10,
  sadd: 50, srem: 12, sinterstore: 8, sunionstore: 8, sdiffstore: 10, sdiff: 10, smove: 12, spop: 4,
  'client|setname': 2, 'client|getname': 2, 'client|no-evict': 1, 'client|unpause': 1, dbsize: 4, echo: 3, ping: 4,
} // biome-ignore format: a table

const BLOCKING = new Set(['BLPOP', 'BRPOP', 'BLMOVE', 'BRPOPLPUSH', 'BLMPOP', 'BZPOPMIN', 'BZPOPMAX', 'BZMPOP'])

/** Tells whether a command may park its client. */
function mayBlock(words: readonly string[]): boolean {
  const name = words[0]!.toUpperCase()
  return BLOCKING.has(name) || (/^XREAD(GROUP)?$/.test(name) && words.some((word) => /^block$/i.test(word)))
}

interface Worker {
  multi: boolean
  maybeBlocked: boolean
  maybeSubscribed: boolean
  maybeMuted: boolean
}

export class Generator {
  readonly #grammars: Map<string, Grammar>
  /** Names of commands, each as often as its weight says. */
  readonly #lottery: string[] = []
  #random = new Random(0)
  #expiries = 0
  #workers = new Map<number, Worker>()
  /**
   * Whether blocking commands wait for several keys: then these are only ever lists, and nothing feeds two at once.
   *
   * Whoever waits is served in 7.0 from the key that was fed, and in 7.2 as if asking again: from the first key named that has something, or with an
   * error for one that meanwhile is no list.
   */
  #wide = false

  /** `known` are the names both sides have; containers and the excluded are left out. */
  constructor(grammars: Map<string, Grammar>, known: ReadonlySet<string>) {
    this.#grammars = grammars
    for (const name of [...known].sort()) {
      if (EXCLUDED.has(name) || EXCLUDED_FAMILIES.test(name) || !grammars.has(name)) continue
      // 7.0 does not know the payloads of 7.2.
      if (name === 'function|restore' && redisServerIsOlder()) continue
      for (let i = WEIGHTS[name] ?? 8; i > 0; i--) this.#lottery.push(name)
    }
  }

  /** Names that are generated from their grammar. */
  get names(): string[] {
    return [...new Set(this.#lottery)]
  }

  /** Makes the program of a seed with about `length` commands; looking at the whole state is not counted. */
  program(seed: number, length: number): Program {
    this.#random = new Random(seed)
    this.#expiries = 0
    this.#wide = chance(this.#random, 40)
    this.#workers = new Map(
      WORKERS.map((id) => [id, { multi: false, maybeBlocked: false, maybeSubscribed: false, maybeMuted: false }]),
    )
    const steps: Step[] = this.#opening()
    let count = 0
    let sinceDump = 0
    while (count < length) {
      const step = this.#step()
      steps.push(...inOneRead(step))
      count += step.commands.length
      sinceDump += step.commands.length
      if (this.#random.below(2000) === 0) {
        steps.push(this.#timerStep())
      }
      if (sinceDump > 300) {
        steps.push(...dumpSteps())
        sinceDump = 0
      }
    }
    steps.push(...dumpSteps())
    return { seed, steps }
  }

  #opening(): Step[] {
    const random = this.#random
    const steps: Step[] = [
      { kind: 'send', connection: OBSERVERS[0]!, commands: [['HELLO', '3'], ['PSUBSCRIBE', '__key*', 'news*'], ['SUBSCRIBE', 'jobs:1']] },
      { kind: 'send', connection: OBSERVERS[1]!, commands: [['SUBSCRIBE', 'news', 'jobs:1'], ['PSUBSCRIBE', 'n*']] },
    ] // biome-ignore format: a table
    for (const id of WORKERS) {
      if (chance(random, 50)) steps.push({ kind: 'send', connection: id, commands: [['HELLO', '3']] })
    }
    if (chance(random, 60)) {
      const flags = pick(random, ['KEA', 'KEA', 'AKE', 'Kg$', 'El', 'KExm', 'En', 'KEg$lshzxetn', 'Kg$lshzxetmn'])
      steps.push({ kind: 'send', connection: READER, commands: [['CONFIG', 'SET', 'notify-keyspace-events', flags]] })
    }
    return steps
  }

  // ── steps ────────────────────────────────────────────────────────────────

  #step(): Step {
    const random = this.#random
    const roll = random.below(1000)
    if (roll < 50) return this.#observerStep()
    if (roll < 130) return this.#readerStep()
    if (roll < 131) return this.#protocolErrorStep()
    const id = pick(random, WORKERS)
    const worker = this.#workers.get(id)!
    if (worker.maybeBlocked && chance(random, 60)) {
      worker.maybeBlocked = chance(random, 20)
      const how = pick(random, [[], ['TIMEOUT'], ['ERROR'], ['error'], ['NEITHER']])
      return { kind: 'send', connection: READER, commands: [['CLIENT', 'UNBLOCK', { idOf: id }, ...how]] }
    }
    const commands: Command[] = []
    if ((worker.maybeSubscribed || worker.maybeMuted) && chance(random, 40)) {
      worker.maybeSubscribed = worker.maybeMuted = worker.multi = false
      commands.push(['RESET'])
      if (chance(random, 50)) commands.push(['HELLO', '3'])
    }
    for (let i = 1 + random.below(24); i > 0; i--) this.#workerCommand(worker, commands)
    const step: Step = { kind: 'send', connection: id, commands }
    // Redis reads an inline request only with a whole line; long lines are refused.
    if (
      chance(random, 4) &&
      commands.every((command) => command.every((w) => typeof w !== 'string' || w.length < 200))
    ) {
      step.inline = true
    }
    return step
  }

  #workerCommand(worker: Worker, commands: Command[]): void {
    const random = this.#random
    const roll = random.below(1000)
    if (worker.multi) {
      if (roll < 90) {
        worker.multi = false
        commands.push([roll < 75 ? 'EXEC' : 'DISCARD'])
        return
      }
    } else if (roll < 25 && !this.#wide) {
      worker.multi = true
      if (chance(random, 50)) commands.push(['WATCH', ...this.#some(1, 3, () => values.key(random, 'generic'))])
      if (chance(random, 30)) this.#workerCommand({ ...worker, multi: false }, commands)
      commands.push(['MULTI'])
      return
    }
    if (roll < 110) {
      commands.push(this.#special(worker))
      return
    }
    const name = pick(random, this.#lottery)
    const grammar = this.#grammars.get(name)!
    let words: Word[] = [...grammar.words]
    const context = { group: grammar.group, numkeys: -1 }
    const family = FAMILIES[grammar.group]
    const made = chance(random, 80) ? family?.make(random, name, () => values.key(random, grammar.group)) : undefined
    if (made !== undefined) words = made
    else this.#arguments(grammar.arguments, words as string[], context)
    words = this.#mutate(words)
    family?.tame?.(words as string[])
    words = this.#settleTimes(words as string[])
    // Debian's redis-server corrects what is wrong with a line break within an error, 7.2.6 does not.
    if (name === 'function|list') words = words.map((word) => String(word).replace(/[\r\n]/g, ' '))
    // 7.0 takes an id below the greatest one that was deleted, 7.2 does not.
    if (name === 'xsetid' && redisServerIsOlder()) words.length = 2
    // 7.2 looks no further than a zero byte.
    if (name === 'client|setname' && redisServerIsOlder()) words = words.map((word) => String(word).replace(/\0/g, ''))
    // 7.2 keeps 32 bits of it, 7.0 all.
    if (name === 'lset' && Math.abs(Number(words[2])) >= 2 ** 31) words[2] = '2147483647'
    this.#settleKeys(words as string[])
    if (chance(random, 20)) words[0] = randomCase(random, words[0] as string)
    commands.push(words)
    if (family?.follow !== undefined) commands.push(...family.follow(words as string[]))
    if (mayBlock(words as string[]) && !worker.multi) worker.maybeBlocked = true
    // An expired key leaves when it is next looked at, or when the server gets to it: look at once.
    if (words.some((w) => /^(PXAT|EXAT)$/i.test(String(w)))) commands.push(['EXISTS', words[1] ?? ''])
  }

  /** Commands whose arguments a grammar cannot say well. */
  #special(worker: Worker): Command {
    const random = this.#random
    switch (random.below(29)) {
      case 0:
        return ['SELECT', chance(random, 90) ? pick(random, values.DATABASES) : values.integer(random)]
      case 1:
        if (this.#wide) return ['SWAPDB', '0', '0']
        return ['SWAPDB', pick(random, ['0', '1', '2', '1', 'x', '16', '-1']), pick(random, ['0', '1', '2', 'x', '16'])]
      case 2:
        return chance(random, 40) ? ['FLUSHDB', ...pick(random, [[], ['ASYNC'], ['SYNC'], ['NOW']])] : ['DBSIZE']
      case 3:
        return chance(random, 30) ? ['FLUSHALL', ...pick(random, [[], ['async'], ['SYNC'], ['NOW']])] : ['DBSIZE', 'x']
      case 4:
        return ['CONFIG', 'GET', pick(random, [...Object.keys(SHARED_SETTINGS), 'DATABASES', 'no-such-setting', ''])]
      case 5:
        return pick<Command>(random, [
          [
            'CONFIG',
            'SET',
            'notify-keyspace-events',
            pick(random, ['KEA', 'K$', 'El', '', 'Kgxe', 'xyz!', 'AKE', 'mKE', 'KEg$lshzxetn', 'Kshztn', 'Ed']),
          ],
          ['CONFIG', 'SET', 'no-such-setting', '1'],
          ['CONFIG', 'SET', 'databases', '3'],
          ['CONFIG', 'SET', 'timeout', pick(random, ['0', 'x', '-1', '99999999999'])],
          ['CONFIG', 'SET', 'timeout', '0', 'timeout', '0'],
          ['CONFIG', 'SET', 'timeout', '0', 'proto-max-bulk-len', '600mb'],
          ['CONFIG', 'SET', 'timeout'],
          ['CONFIG', 'NOSUCH'],
        ])
      case 6:
        return ['HELLO', ...pick(random, [[], ['2'], ['3'], ['3'], ['4'], ['x'], ['3', 'SETNAME', 'me'], ['2', 'SETNAME', 'a b'], ['3', 'AUTH', 'default', 'pw'], ['3', 'WHAT'], ['3', 'SETNAME']])] // biome-ignore format: a table
      case 7:
        return pick<Command>(random, [
          ['COMMAND', 'GETKEYS', ...this.#plainCommand()],
          ['COMMAND', 'GETKEYSANDFLAGS', ...this.#plainCommand()],
          ['COMMAND', 'GETKEYS', 'PING', 'x'],
          ['COMMAND', 'GETKEYS', 'NOSUCH', 'a'],
          ['COMMAND', 'GETKEYS'],
          ['COMMAND', 'NOSUCH'],
        ])
      case 8:
        return ['WATCH', ...this.#some(1, 3, () => values.key(random, 'generic'))]
      case 9:
        return pick<Command>(random, [
          ['UNWATCH'],
          ['MULTI', 'x'],
          ['EXEC'],
          ['DISCARD'],
          ['UNWATCH', 'x'],
          ['WATCH'],
          ['EXEC', 'x'],
        ])
      case 10:
      case 11: {
        if (!chance(random, 15)) return ['PUBLISH', values.channel(random), values.text(random)]
        worker.maybeSubscribed = true
        return this.#subscription()
      }
      case 12:
        if (!chance(random, 25)) return ['PING', ...pick(random, [[], ['hi'], ['a', 'b']])]
        worker.maybeMuted = true
        return ['CLIENT', 'REPLY', pick(random, ['OFF', 'SKIP', 'ON', 'SKIP', 'MAYBE'])]
      case 13:
        if (!chance(random, 25)) return ['PUBSUB', 'NUMPAT']
        worker.maybeSubscribed = worker.multi = false
        return ['RESET']
      case 14:
        return ['PUBSUB', ...pick(random, [['NUMSUB'], ['NUMSUB', 'news', 'jobs:1'], ['SHARDNUMSUB', 'news'], ['NUMPAT', 'x'], ['CHANNELS', 'a', 'b'], ['NOSUCH']])] // biome-ignore format: a table
      case 15:
        return ['WAIT', pick(random, ['0', '0', 'x', '-1']), pick(random, ['0', '10', '-1', 'x'])]
      case 16:
        return pick<Command>(random, [
          ['CLIENT', 'SETNAME', pick(random, ['worker', 'a b', '', 'caf\xe9', 'x\n'])],
          ['CLIENT', 'NOSUCH'],
          ['CLIENT'],
          ['CLIENT', 'KILL', 'no:address'],
          ['CLIENT', 'UNBLOCK', '999999999'],
          ['CLIENT', 'UNBLOCK', 'x'],
          ['CLIENT', 'UNBLOCK', '999999999', 'BOTH'],
          ['CLIENT', 'KILL', 'ID', 'x'],
          ['CLIENT', 'KILL', 'ID', '999999999'],
          ['CLIENT', 'KILL', 'TYPE', 'what'],
          ['CLIENT', 'KILL', 'SKIPME', 'maybe'],
          ['CLIENT', 'PAUSE', 'x'],
          ['CLIENT', 'PAUSE', '-1'],
          ['CLIENT', 'PAUSE', '10', 'SOME'],
        ])
      case 17:
        return ['OBJECT', ...pick(random, [['FREQ', values.key(random, 'generic')], ['NOSUCH', 'x'], ['ENCODING'], ['REFCOUNT', 'never'], ['IDLETIME', 'never']])] // biome-ignore format: a table
      case 18:
        return ['SCAN', ...pick(random, [['x'], ['0', 'COUNT', '0'], ['0', 'COUNT', 'x'], ['0', 'NOSUCH', '1'], ['0', 'MATCH'], ['99999999999999999999']])] // biome-ignore format: a table
      case 19:
        return pick<Command>(random, [
          ['NOSUCH', values.text(random), values.text(random)],
          [''],
          ['\r\n', 'x'],
          ['no such command at all but a long name'.repeat(5), 'y'.repeat(300)],
          ['NOSUCH\x00', 'k'],
        ])
      case 20:
        return pick<Command>(random, [['AUTH', 'pw'], ['AUTH', 'default', 'pw'], ['AUTH'], ['AUTH', 'a', 'b', 'c']])
      case 21:
        return pick<Command>(random, [
          ['KEYS'], ['KEYS', 'a', 'b'], ['KEYS', 'nothing-matches-this'], ['RANDOMKEY', 'x'], ['TIME', 'x'], ['INFO', 'nosuch'],
          ['SHUTDOWN', 'NOSUCH'], ['DEBUG', 'SLEEP', '0'], ['OBJECT'], ['CONFIG'], ['PUBSUB'], ['COMMAND', 'INFO', 'nosuch'], ['COMMAND', 'COUNT', 'x'],
        ]) // biome-ignore format: a table
      case 22:
        return ['ECHO', chance(random, 5) ? values.randomBytes(random, 40000) : values.text(random)]
      case 23:
        return [
          'SET',
          'big',
          chance(random, 30) ? values.randomBytes(random, 20000 + random.below(60000)) : values.text(random),
        ]
      case 24:
        return pick<Command>(random, [['STRLEN', 'big'], ['GETRANGE', 'big', '-20', '-1'], ['APPEND', 'big', 'more'], ['GET', 'big'], ['DEL', 'big'], ['LPUSH', 'biglist', 'e'.repeat(9000)], ['RPUSH', 'biglist', 'f'.repeat(70000), 'g'], ['LPOP', 'biglist'], ['LRANGE', 'biglist', '0', '-1'], ['DEL', 'biglist']]) // biome-ignore format: a table
      case 25:
        return dumpCommand(random)
      case 26:
        return sortCommands(random)
      default:
        return [
          'RPUSH',
          pick(random, ['l1', 'l2', 'l3']),
          ...this.#some(1, chance(random, 5) ? 200 : 8, () => values.text(random)),
        ]
    }
  }

  #subscription(): Command {
    const random = this.#random
    const verb = pick(random, ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'UNSUBSCRIBE', 'PUNSUBSCRIBE', 'SUNSUBSCRIBE'])
    // A bare unsubscribing names the channels in the order of a hash table: not here.
    const least = verb.includes('UNSUB') || chance(random, 95) ? 1 : 0
    return [
      verb,
      ...this.#some(least, 3, () => (verb.startsWith('P') ? values.pattern(random) : values.channel(random))),
    ]
  }

  #observerStep(): Step {
    const random = this.#random
    const commands: Command[] = []
    for (let i = 1 + random.below(4); i > 0; i--) {
      commands.push(
        chance(random, 75)
          ? this.#subscription()
          : pick<Command>(random, [
              ['PING'],
              ['PING', 'x'],
              ['GET', 's1'],
              ['PING', 'x', 'y'],
              ['ECHO', 'x'],
              ['MULTI', 'x'],
            ]),
      )
    }
    return { kind: 'send', connection: pick(random, OBSERVERS), commands }
  }

  #readerStep(): Step {
    const random = this.#random
    const connection = READER
    switch (random.below(8)) {
      case 0:
      case 1:
        return { kind: 'unordered', connection, commands: [['KEYS', values.pattern(random)]] }
      case 2:
        return { kind: 'unordered', connection, commands: [['PUBSUB', pick(random, ['CHANNELS', 'SHARDCHANNELS']), ...pick(random, [[], [values.pattern(random)]])]] } // biome-ignore format: one line
      case 3:
        return { kind: 'random-key', connection, commands: [['RANDOMKEY']] }
      case 4:
      case 5: {
        const options: string[] = []
        if (chance(random, 50)) options.push('MATCH', values.pattern(random))
        if (chance(random, 50)) options.push('COUNT', pick(random, ['1', '2', '5', '1000']))
        if (chance(random, 40)) options.push('TYPE', pick(random, ['string', 'list', 'LIST', 'hash', 'nosuch', '']))
        return { kind: 'scan', connection, options, commands: [['SCAN', '0', ...options]] }
      }
      case 6:
        return { kind: 'shape', connection, commands: [pick<Command>(random, [['OBJECT', 'IDLETIME', 'never'], ['TIME'], ['CLIENT', 'ID']])] } // biome-ignore format: one line
      default: {
        const target = pick(random, WORKERS)
        if (chance(random, 6)) {
          this.#workers.set(target, { multi: false, maybeBlocked: false, maybeSubscribed: false, maybeMuted: false })
          return { kind: 'send', connection, commands: [['CLIENT', 'KILL', 'ID', { idOf: target }]] }
        }
        if (chance(random, 10)) {
          // Alone: Redis 7.2 says nothing of a wrong password while another reply waits to be sent.
          const refused: Command[] = [
            ['AUTH', 'nobody', 'pw'],
            ['HELLO', '3', 'AUTH', 'nobody', 'pw'],
          ]
          return { kind: 'send', connection, commands: [pick(random, refused)] }
        }
        return { kind: 'send', connection, commands: [['SELECT', pick(random, values.DATABASES)]] }
      }
    }
  }

  #timerStep(): Step {
    const commands: Command[] = [
      ['BLPOP', 'never1', 'never2', '0.01'],
      ['BLMOVE', 'never', 'l1', 'LEFT', 'RIGHT', '0.01'],
      ['BRPOPLPUSH', 'never', 'l1', '0.01'],
      ['BLMPOP', '0.01', '2', 'never1', 'never2', 'LEFT'],
    ]
    return { kind: 'wait', connection: TIMER, ms: 30, commands: [pick(this.#random, commands), ['PING']] }
  }

  #protocolErrorStep(): Step {
    const random = this.#random
    const connection = pick(random, WORKERS)
    // A connection without replies is left open by Redis after a protocol error, and never heard again; here it ends.
    if (this.#workers.get(connection)!.maybeMuted) return this.#observerStep()
    this.#workers.set(connection, { multi: false, maybeBlocked: false, maybeSubscribed: false, maybeMuted: false })
    if (chance(random, 40)) return { kind: 'send', connection, commands: [['PING'], ['QUIT'], ['PING']] }
    const bytes = pick(random, [
      '*3\r\n$3\r\nSET\r\n+x\r\n', '*x\r\n', '*1\r\n$-2\r\n', '*1\r\n$99999999999\r\n', 'set "a\r\n', '*2147483648\r\n', '*1\r\n\r\n', '*1\r\n$x\r\n',
      '*-1\r\n*0\r\nPING\r\n', 'PING "\\x41\\n" \'b c\'\r\n', '\r\n\r\nPING\r\n', "ECHO 'it\\'s'\r\n", 'ECHO "a"b\r\n', 'QUIT\r\nPING\r\n', '*1\r\n$4\r\nQUIT\r\n',
    ]) // biome-ignore format: a table
    return { kind: 'raw', connection, bytes, commands: [] }
  }

  // ── arguments ────────────────────────────────────────────────────────────

  #plainCommand(): string[] {
    const grammar = this.#grammars.get(pick(this.#random, this.#lottery))!
    const words = [...grammar.words]
    this.#arguments(grammar.arguments, words, { group: grammar.group, numkeys: -1 })
    // 7.0 takes no command of a single word here, 7.2 does.
    return words.length === 1 ? [...words, 'x'] : words
  }

  #arguments(list: Argument[], words: string[], context: { group: string; numkeys: number }): void {
    for (const argument of list) this.#argument(argument, words, context)
  }

  #argument(argument: Argument, words: string[], context: { group: string; numkeys: number }): void {
    const random = this.#random
    if (argument.optional && !chance(random, 45)) return
    let repeat = argument.multiple ? pick(random, [1, 1, 2, 2, 3, 4]) : 1
    if (argument.optional && argument.multiple && chance(random, 10)) repeat = 0
    const before = words.length
    for (let i = 0; i < repeat; i++) {
      if (argument.token !== undefined && (i === 0 || argument.multipleToken))
        words.push(randomCase(random, argument.token))
      this.#value(argument, words, context)
    }
    if (argument.type === 'key' && argument.multiple && context.numkeys !== -1) {
      if (chance(random, 92)) words[context.numkeys] = String(words.length - before)
      context.numkeys = -1
    }
  }

  #value(argument: Argument, words: string[], context: { group: string; numkeys: number }): void {
    const random = this.#random
    switch (argument.type) {
      case 'key':
        words.push(values.key(random, context.group))
        return
      case 'pure-token':
        return
      case 'oneof':
        this.#argument({ ...pick(random, argument.children), optional: false }, words, context)
        return
      case 'block':
        this.#arguments(argument.children, words, context)
        return
      case 'pattern':
        words.push(values.pattern(random))
        return
      case 'double':
        words.push(argument.name === 'timeout' ? pick(random, TIMEOUTS) : values.float(random))
        return
      case 'unix-time':
        words.push(pick(random, ABSOLUTE_TIMES))
        return
      case 'integer':
        words.push(this.#integer(argument.name, words, context))
        return
      default:
        if (argument.name === 'channel' || argument.name === 'shardchannel') words.push(values.channel(random))
        else if (argument.name.includes('increment')) words.push(values.float(random))
        else words.push(values.text(random))
    }
  }

  #integer(name: string, words: string[], context: { numkeys: number }): string {
    const random = this.#random
    if (name === 'numkeys') {
      context.numkeys = words.length
      return values.integer(random)
    }
    if (chance(random, 10)) return values.integer(random)
    if (name.includes('seconds'))
      return chance(random, 70) ? this.#freshSeconds(name.includes('milli')) : values.integer(random)
    if (/^(index|db|destination-db)$/.test(name) && words.length < 2) return pick(random, values.DATABASES)
    if (name === 'db' || name === 'destination-db') return pick(random, [...values.DATABASES, '16', '-1', 'x'])
    return values.integer(random)
  }

  /** A relative expiry: some ten days, or decades; never the same twice, at least a minute from any other: EXPIRE … GT compares them. */
  #freshSeconds(milliseconds: boolean): string {
    const count = this.#expiries++
    const seconds = (count % 8 === 0 ? 2_147_483_648 : 1_000_000) + 60 * ((count * 7919) % 10007)
    return milliseconds ? `${seconds}000` : String(seconds)
  }

  #some<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.#random.below(most - least + 1) }, make)
  }

  /** Spoils a command now and then: one argument less, more, twice or different. */
  #mutate(words: Word[]): Word[] {
    const random = this.#random
    if (!chance(random, 8) || words.length < 2) return words
    const at = 1 + random.below(words.length - 1)
    switch (random.below(4)) {
      case 0:
        return words.slice(0, -1)
      case 1:
        return [...words, values.text(random)]
      case 2:
        return [...words.slice(0, at), words[at]!, ...words.slice(at)]
      default:
        return words.map((word, i) => (i === at ? values.text(random) : word))
    }
  }

  /** Makes the keys that a command waits for one and the same, or those that are always lists. */
  #settleKeys(words: string[]): void {
    const name = words[0]!.toUpperCase()
    if (!BLOCKING.has(name) || name === 'BLMOVE' || name === 'BRPOPLPUSH') return
    const first = name.endsWith('MPOP') ? 3 : 1
    const end = name.endsWith('MPOP') ? Math.min(words.length, 3 + looseNumber(words[2])) : words.length - 1
    for (let i = first; i < end; i++) {
      if (this.#wide && !name.startsWith('BZ')) words[i] = pick(this.#random, values.LIST_ONLY_KEYS)
      else if (i > first) words[i] = words[first]!
    }
  }

  /** Replaces what would make a reply depend on the speed of this very run, or need memory by the gigabyte. */
  #settleTimes(words: string[]): string[] {
    const name = words[0]!.toUpperCase()
    const far = (i: number, milliseconds: boolean) => {
      const n = looseNumber(words[i])
      if (n > 0 && n < (milliseconds ? 9.2e18 : 9.2e15)) words[i] = this.#freshSeconds(milliseconds)
    }
    const endless = (i: number) => {
      const n = looseNumber(words[i])
      // One beyond 64 bits of milliseconds is out of range in 7.2, and overflows in 7.0.
      if ((n > 0 && n < 1e5) || n > 9e15 || /^\+?inf/i.test(words[i] ?? '')) words[i] = pick(this.#random, TIMEOUTS)
    }
    switch (name) {
      case 'EXPIRE':
      case 'SETEX':
        far(2, false)
        break
      case 'PEXPIRE':
      case 'PSETEX':
        far(2, true)
        break
      case 'SET':
      case 'GETEX':
        for (let i = 1; i < words.length - 1; i++) {
          if (/^EX$/i.test(words[i]!)) far(i + 1, false)
          if (/^PX$/i.test(words[i]!)) far(i + 1, true)
        }
        break
      case 'LPOS':
        // 7.2 refuses the one rank without a counterpart of the other sign; 7.0 looks for it.
        for (let i = 1; i < words.length; i++)
          if (words[i] === '-9223372036854775808') words[i] = '-9223372036854775807'
        break
      case 'BLPOP':
      case 'BRPOP':
      case 'BZPOPMIN':
      case 'BZPOPMAX':
        endless(words.length - 1)
        break
      case 'BRPOPLPUSH':
        endless(3)
        break
      case 'BLMOVE':
        endless(5)
        break
      case 'BLMPOP':
      case 'BZMPOP':
        endless(1)
        break
      case 'SETRANGE':
        if (looseNumber(words[2]) > 3000 && looseNumber(words[2]) < 6e8) words[2] = '2000'
        break
    }
    return words
  }
}

const TIMEOUTS = ['0', '0', '0', '0.0', '100000', '1e6', '-1', 'x', '', 'nan', '-inf', '-0.5', ' 1']

const ABSOLUTE_TIMES = ['1', '1000', '-1', '0', '1000000000', '4102444800', '4102444800000', '4102444860000', '32503680000', '32503680000123', 'x', '9223372036854775807', '9223372036854775', '-9223372036854775808', '99999999999999999999'] // biome-ignore format: a table

/** What C would make of the beginning of a word. */
function looseNumber(word: string | undefined): number {
  const n = Number.parseFloat(word ?? '')
  return Number.isNaN(n) ? 0 : n
}

function randomCase(random: Random, word: string): string {
  switch (random.below(6)) {
    case 0:
      return word.toLowerCase()
    case 1:
      return [...word].map((char) => (random.below(2) === 0 ? char.toLowerCase() : char.toUpperCase())).join('')
    default:
      return word
  }
}

/** A server may do other things between two reads: what is sent at once must fit into one, or be a single command. */
const READ_BYTES_MAX = 12 * 1024

function inOneRead(step: Step): Step[] {
  if (step.kind !== 'send') return [step]
  const steps: Step[] = []
  let commands: Command[] = []
  let bytes = 0
  for (const command of step.commands) {
    const length = command.reduce((sum, word) => sum + (typeof word === 'string' ? word.length : 8) + 12, 16)
    if (commands.length > 0 && bytes + length > READ_BYTES_MAX) {
      steps.push({ ...step, commands })
      commands = []
      bytes = 0
    }
    commands.push(command)
    bytes += length
  }
  if (commands.length > 0) steps.push({ ...step, commands })
  return steps
}

/** Asks for everything that can be known about every key. */
function dumpSteps(): Step[] {
  return values.DATABASES.map((database) => ({
    kind: 'send' as const,
    connection: READER,
    commands: [
      ['SELECT', database],
      ...[
        ...values.ALL_KEYS,
        ...values.LIST_ONLY_KEYS,
        ...LONELY_KEYS,
        ...NUMBER_KEYS,
        ...LEX_KEYS,
        'big',
        'biglist',
      ].flatMap((key): Command[] => [
        ['TYPE', key],
        ['GET', key],
        ['LRANGE', key, '0', '-1'],
        ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
        ['HGETALL', key],
        ['SMEMBERS', key],
        ['XRANGE', key, '-', '+'],
        ['XINFO', 'STREAM', key],
        ['XINFO', 'GROUPS', key],
        ['OBJECT', 'ENCODING', key],
        ['PEXPIRETIME', key],
        ['OBJECT', 'REFCOUNT', key],
      ]),
      ...TABLE_KEYS.flatMap((key): Command[] => [
        ['HLEN', key],
        ['HMGET', key, ...TABLE_FIELDS],
        ['OBJECT', 'ENCODING', key],
      ]),
      ['DBSIZE'],
    ],
  }))
}
