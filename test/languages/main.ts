// `npm run clients`: runs the programs of examples/clients, compares what they print with the
// expected text, and says which were left out and why. With --write the table of docs/clients.md is
// written from the run, and the pages of clients from their programs.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { natsServerMissing } from '../support/log-servers.ts'
import { redisServerIsOlder, redisServerMissing } from '../support/redis-server.ts'
import { compare, expectedLines } from './compare.ts'
import { LogCompany } from './log-company.ts'
import { type Row, writePages, writeTable } from './pages.ts'
import { EXAMPLES, LANGUAGES, type Language, PROGRAMS, type Program } from './programs.ts'
import { clientOf, type SingleServer, startBroker, startRedis, type Variables } from './servers.ts'
import { type BuildFailure, build, missingTool, runCommand } from './toolchain.ts'

/** Things that need the replicated log. */
const CLUSTER_THINGS = new Set(['failover', 'slots'])
/** Things that redis-server has, too. It is run without TLS, Sentinels and a cluster. */
const REDIS_THINGS = ['channel', 'queue', 'stream', 'transaction', 'script']
const PROGRAM_MS = 60_000
/** The last commands of connections that may not have chosen their protocol yet. */
const GREETINGS = /^(NULL|hello|auth|select|client\|\w+)$/i

interface Result extends Row {
  readonly failures: readonly string[]
}

const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean', default: false } } })
const only = values.only?.toLowerCase().split(',')
const wanted = (program: Program): boolean =>
  only === undefined || only.includes(program.client.toLowerCase()) || only.includes(program.language.toLowerCase())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const startedMs = performance.now()
const said = (text: string): void =>
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${text}`)

/** The languages whose programs can run, each with the promise of its build's failure, if it has one. */
function startBuilds(): Map<Language['name'], Promise<BuildFailure | undefined>> {
  const builds = new Map<Language['name'], Promise<BuildFailure | undefined>>()
  let before: Promise<unknown> = Promise.resolve()
  const order = (language: Language): number => (language.isBuiltLast ? 2 : language.build.length > 0 ? 1 : 0)
  for (const language of LANGUAGES.toSorted((one, other) => order(one) - order(other))) {
    if (!PROGRAMS.some((program) => program.language === language.name && wanted(program))) continue
    const missing = missingTool(language)
    if (missing !== undefined) {
      skipped.push(missing)
      continue
    }
    // One language after the other, while programs of those before it run.
    const built = before.then(() => build(language))
    before = built
    builds.set(language.name, built)
  }
  return builds
}

/** Looks at the connections of a program while it runs. */
async function protocolsOf(server: SingleServer, hasEnded: () => boolean): Promise<string> {
  const found = new Set<string>()
  const client = clientOf(server.port)
  const own = String(await client.client('ID'))
  while (!hasEnded()) {
    const list = String(await client.client('LIST'))
    for (const line of list.split('\n')) {
      const command = / cmd=(\S+)/.exec(line)?.[1] ?? 'NULL'
      if (line.startsWith(`id=${own} `) || GREETINGS.test(command)) continue
      for (const [, version] of line.matchAll(/ resp=(\d)/g)) found.add(version!)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  client.disconnect()
  return [...found].sort().join(', ')
}

/** Runs one program against a server; returns its differences and failures. */
async function attempt(
  program: Program,
  server: SingleServer,
  things: readonly string[],
  more: Variables,
): Promise<Omit<Result, 'program' | 'version'>> {
  let ended = false
  const language = LANGUAGES.find(({ name }) => name === program.language)!
  const tag = program.client.toLowerCase()
  const variables = { ...server.variables, ...more, RESPITE_TAG: tag, THINGS: things.join(',') }
  const running = runCommand(program.run, join(EXAMPLES, language.folder), variables, PROGRAM_MS).finally(() => {
    ended = true
  })
  const company = 'RESPITE_NODES' in more ? cluster?.accompany(tag, () => ended) : undefined
  const protocol = await protocolsOf(server, () => ended)
  const { code, output, stdout } = await running
  await company
  const seen = compare(expectedLines(program.kind), things, stdout)
  const failures = seen
    .filter(({ differs }) => differs !== undefined)
    .map(({ differs, thing }) => `${thing}: ${differs}`)
  if (code !== 0 || failures.length > 0) failures.push(`it ended with ${code}, and printed:\n${output.trimEnd()}`)
  return { protocol, seen, failures }
}

async function judge(program: Program): Promise<Result> {
  const all = [...expectedLines(program.kind).keys()].filter(
    (thing) => cluster !== undefined || !CLUSTER_THINGS.has(thing),
  )
  const broker = await startBroker()
  const { failures, protocol, seen } = await attempt(
    program,
    broker,
    all,
    program.kind === 'jobs' ? {} : (cluster?.variables ?? {}),
  )
  await broker.stop()
  const atRedis: string[] = []
  if (hasRedis) {
    const redis = await startRedis()
    const there = await attempt(program, redis, program.kind === 'jobs' ? all : REDIS_THINGS, {})
    atRedis.push(...there.failures.map((failure) => `at redis-server: ${failure}`))
    await redis.stop()
  }
  return { program, version: program.version(), protocol, seen, failures: [...failures, ...atRedis] }
}

const skipped: string[] = []
const builds = startBuilds()
const hasRedis = !redisServerMissing() && !redisServerIsOlder()
if (!hasRedis) skipped.push('the same at redis-server: version 7.2 is not on the PATH')
const hasLog = !natsServerMissing()
if (!hasLog) skipped.push('failover and slots: nats-server 2.15 is not on the PATH')
const cluster = hasLog ? await LogCompany.start() : undefined
const results: Result[] = []
const broken: string[] = []
try {
  said(`servers are there${hasRedis ? ', redis-server too' : ''}`)
  for (const [name, built] of builds) {
    const failure = await built
    if (failure !== undefined) {
      const { isUnfetched, text } = failure
      ;(isUnfetched ? skipped : broken).push(`${name}: ${text}`)
      said(`${name}: not built`)
      continue
    }
    said(`${name}: built`)
    for (const program of PROGRAMS.filter((one) => one.language === name && wanted(one))) {
      const result = await judge(program)
      results.push(result)
      const lacks = result.seen.filter((one) => one.lacks !== undefined).map(({ thing }) => thing)
      const verdict =
        result.failures.length > 0
          ? 'DIFFERENT'
          : lacks.length > 0
            ? `as expected, without ${lacks.join(', ')}`
            : 'as expected'
      said(`${program.client} ${result.version}: ${verdict}`)
    }
  }
} finally {
  await cluster?.stop()
}
for (const { failures, program } of results) {
  for (const failure of failures) console.log(`\n${program.client}, ${failure}`)
}
for (const failure of broken) console.log(`\n${failure}`)
for (const reason of skipped) console.log(`skipped: ${reason}`)
const failed = results.filter(({ failures }) => failures.length > 0).length + broken.length
if (values.write && failed === 0) {
  writePages()
  const place = ({ program }: Result): number => PROGRAMS.indexOf(program)
  if (only === undefined) writeTable(results.toSorted((one, other) => place(one) - place(other)))
}
console.log(
  `${results.length - results.filter(({ failures }) => failures.length > 0).length} passed, ${failed} failed, ${skipped.length} skipped`,
)
process.exit(failed === 0 ? 0 : 1)
