// Each button of the pages for channels, streams, keys, clients, durability and the slow log: pressed
// by a user without the right, and then by one who has it. The effect is looked at on the server, on
// the page, and in the audit lines.

import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Log, startServer } from '../../src/index.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import type { AuditLine } from '../support/console.ts'
import { eventually } from '../support/server.ts'

const MISSING = chromiumPath === undefined ? ': left out, because no chromium is on the PATH' : ''
/** The user that docs/console.md gives to those who look and change nothing. */
const VIEWER = /^user viewer (.*)$/m
  .exec(readFileSync(join(import.meta.dirname, '../../docs/console.md'), 'utf8'))![1]!
  .split(' ')

type Reply = string | number | null | readonly Reply[]

interface Press {
  readonly name: string
  /** The address of the page. */
  readonly at: string
  readonly button: string | RegExp
  /** Label of a field → what is typed there. */
  readonly fields?: Readonly<Record<string, string>>
  /** The name that a change wants that destroys something. */
  readonly typed?: string
  readonly verb: string
  /** What the page says when it is done. */
  readonly said: string | RegExp
  /** What the page shows then, besides; `not` says that it is gone. */
  readonly shows?: string | { readonly not: string | RegExp }
  /** The beginning of the command in the audit line. */
  readonly command: string
  /** Asks the server whether it is done. */
  isDone(): Promise<boolean>
}

describe.skipIf(chromiumPath === undefined)(`buttons${MISSING}`, () => {
  const opened: {
    browser?: Browser
    client?: Redis
    url?: string
    page?: Page
    other?: Page
    close?(): Promise<void>
  } = {}
  const audit: AuditLine[] = []
  const call = async (...words: readonly string[]): Promise<Reply> => {
    const [name = '', ...others] = words
    return (await opened.client!.call(name, ...others)) as Reply
  }

  async function openServer(): Promise<void> {
    const http = await freePort()
    const info = (details: object): void => {
      if ('audit' in details) audit.push(details.audit as AuditLine)
    }
    const ignore = (): void => {}
    const log: Log = { debug: ignore, info, warn: ignore, error: ignore, fatal: ignore }
    const config = {
      'http-port': String(http),
      console: 'yes',
      appendonly: 'yes',
      channel: 'orders.* keep 24h',
      'slowlog-log-slower-than': '1000000000',
    }
    const dir = mkdtempSync(join(tmpdir(), 'respite-console-'))
    const server = await startServer({ port: 0, dir, config, log } as Parameters<typeof startServer>[0])
    const connect = (name: string): Redis =>
      new Redis({ host: '127.0.0.1', port: server.port, connectionName: name, retryStrategy: () => null })
    const clients = ['shop', 'billing', 'w1', 'victim'].map(connect)
    const [client, billing, group] = clients
    for (const each of clients) each.on('error', () => {})
    Object.assign(opened, {
      client,
      url: `http://127.0.0.1:${http}/console/`,
      close: async () => {
        for (const each of clients) each.disconnect()
        await server.close()
      },
    })
    await call('ACL', 'SETUSER', 'viewer', ...VIEWER)
    await billing!.subscribe('orders.eu')
    await group!.subscribe('$share/workers/orders.eu')
    for (let i = 0; i < 5; i++) await call('PUBLISH', 'orders.eu', `{"order":${i}}`)
    billing!.disconnect()
    group!.disconnect()
    await call('PUBLISH', 'orders.eu', 'later', 'IN', '1h')
    for (const id of ['1-1', '1-2', '1-3']) await call('XADD', 'events', id, 'kind', 'click')
    await call('XGROUP', 'CREATE', 'events', 'reports', '0')
    await call('XREADGROUP', 'GROUP', 'reports', 'ana', 'COUNT', '2', 'STREAMS', 'events', '>')
    await call('XGROUP', 'CREATECONSUMER', 'events', 'reports', 'bob')
    await call('SET', 'cart:7', 'pears')
    await call('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
    await call('LRANGE', 'tasks', '0', '-1')
    await call('CONFIG', 'SET', 'slowlog-log-slower-than', '1000000000')
  }

  beforeAll(async () => {
    const [browser] = await Promise.all([launchChromium(), openServer()])
    opened.browser = browser
    const [mine, others] = await Promise.all([browser.newContext(), browser.newContext()])
    opened.page = await mine.newPage()
    opened.other = await others.newPage()
    await Promise.all([opened.page.goto(opened.url!), opened.other.goto(opened.url!)])
    // Signs out, and in by a password.
    const page = opened.other
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('User').fill('viewer')
    await page.getByLabel('Password').fill('secret')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.who', { hasText: 'viewer' }).waitFor()
  })
  afterAll(async () => {
    await opened.browser?.close()
    await opened.close?.()
  })

  const infoOf = async (...words: readonly string[]): Promise<Map<string, Reply>> => {
    const list = (await call(...words)) as readonly Reply[]
    return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1] ?? null]] : [])))
  }
  const placeOf = async (who: string): Promise<string> => {
    const rows = (await call('CHANNEL', 'SUBSCRIBERS', 'orders.eu')) as readonly (readonly Reply[])[]
    const row = rows.find((each) => each.includes(who))
    return row === undefined ? 'forgotten' : String(row[row.indexOf('place') + 1])
  }
  const pendingOf = async (consumer: string): Promise<number> =>
    ((await call('XPENDING', 'events', 'reports', '-', '+', '10', consumer)) as readonly Reply[]).length
  const persistence = async (name: string): Promise<string> =>
    new RegExp(`^${name}:(.*)\r$`, 'm').exec(String(await call('INFO', 'persistence')))?.[1] ?? ''
  const scheduled = async (): Promise<number> =>
    ((await call('CHANNEL', 'PENDING', 'orders.eu')) as readonly Reply[]).length
  const messages = async (): Promise<Reply> => (await infoOf('CHANNEL', 'INFO', 'orders.eu')).get('messages') ?? 0
  const lastId = async (): Promise<Reply> => (await infoOf('CHANNEL', 'INFO', 'orders.eu')).get('last-id') ?? ''
  const wasTold = async (command: string): Promise<boolean> =>
    audit.some(({ command: words, ok }) => ok === true && words?.join(' ').startsWith(command) === true)

  const CHANNEL = '#/channels/orders.eu'
  const PRESSES: readonly Press[] = [
    {
      name: 'moves the position of a name',
      at: CHANNEL,
      button: 'Move billing',
      fields: { To: 'LAST' },
      verb: 'Move',
      said: 'billing goes on there.',
      shows: { not: 'the first' },
      command: 'CHANNEL SEEK orders.eu default billing LAST',
      isDone: async () => (await placeOf('billing')) === (await lastId()),
    },
    {
      name: 'moves the position of a group',
      at: CHANNEL,
      button: 'Move workers',
      fields: { To: 'LAST' },
      verb: 'Move',
      said: 'workers goes on there.',
      shows: { not: /-18446744073709551615$/ },
      command: 'CHANNEL SEEK orders.eu $share workers LAST',
      isDone: async () => (await placeOf('workers')) === (await lastId()),
    },
    {
      name: 'forgets a name',
      at: CHANNEL,
      button: 'Forget billing',
      typed: 'billing',
      verb: 'Forget',
      said: 'billing is forgotten.',
      shows: { not: /^billing$/ },
      command: 'CHANNEL FORGET orders.eu default billing',
      isDone: async () => (await placeOf('billing')) === 'forgotten',
    },
    {
      name: 'takes a scheduled message back',
      at: CHANNEL,
      button: 'Cancel …',
      verb: 'Take back',
      said: 'The message will not be published.',
      shows: { not: 'Scheduled' },
      command: 'CHANNEL CANCEL orders.eu',
      isDone: async () => (await scheduled()) === 0,
    },
    {
      name: 'publishes',
      at: CHANNEL,
      button: 'Publish …',
      fields: { Message: 'a new one' },
      verb: 'Publish',
      said: /It was heard by \d+ subscribers?\./,
      shows: 'a new one',
      command: 'PUBLISH orders.eu a new one',
      isDone: async () => (await messages()) === 6,
    },
    {
      name: 'schedules a message',
      at: CHANNEL,
      button: 'Publish …',
      fields: { Message: 'tomorrow', In: '24h' },
      verb: 'Publish',
      said: 'Scheduled as',
      shows: 'tomorrow',
      command: 'PUBLISH orders.eu tomorrow IN 24h',
      isDone: async () => (await scheduled()) === 1 && (await messages()) === 6,
    },
    {
      name: 'trims a channel',
      at: CHANNEL,
      button: 'Trim …',
      typed: 'orders.eu',
      fields: { 'Messages to keep': '2' },
      verb: 'Trim',
      said: '4 messages removed.',
      shows: '2 messages,',
      command: 'CHANNEL TRIM orders.eu MAXLEN 2',
      isDone: async () => (await messages()) === 2,
    },
    {
      name: 'acknowledges an entry of a stream',
      at: '#/streams/events',
      button: 'Ack 1-1',
      verb: 'Acknowledge',
      said: 'The entry is acknowledged.',
      shows: { not: /^1-1$/ },
      command: 'XACK events reports 1-1',
      isDone: async () => (await pendingOf('ana')) === 1,
    },
    {
      name: 'claims an entry of a stream',
      at: '#/streams/events',
      button: 'Claim 1-2',
      fields: { Consumer: 'bob' },
      verb: 'Claim',
      said: 'bob has the entry.',
      command: 'XCLAIM events reports bob 0 1-2',
      isDone: async () => (await pendingOf('bob')) === 1,
    },
    {
      name: 'lets a key expire',
      at: '#/keys?key=cart%3A7',
      button: 'Expire …',
      fields: { 'Seconds from now': '600' },
      verb: 'Set',
      said: 'cart:7 expires in 600 s.',
      shows: 'in 9 min',
      command: 'EXPIRE cart:7 600',
      isDone: async () => Number(await call('TTL', 'cart:7')) > 0,
    },
    {
      name: 'deletes a key',
      at: '#/keys?key=cart%3A7',
      button: 'Delete …',
      typed: 'cart:7',
      verb: 'Delete',
      said: 'cart:7 is deleted.',
      shows: { not: 'cart:7' },
      command: 'DEL cart:7',
      isDone: async () => (await call('EXISTS', 'cart:7')) === 0,
    },
    {
      name: 'ends the connection of a client',
      at: '#/clients?match=victim',
      button: /^Kill client/,
      verb: 'Kill',
      said: 'is gone.',
      shows: 'No client matches.',
      command: 'CLIENT KILL ID',
      isDone: async () => !String(await call('CLIENT', 'LIST')).includes('name=victim'),
    },
    {
      name: 'saves a snapshot',
      at: '#/durability',
      button: 'Save …',
      verb: 'Save',
      said: 'Background saving started',
      shows: 'dump.rdb',
      command: 'BGSAVE',
      isDone: async () => (await persistence('rdb_saves')) !== '0',
    },
    {
      name: 'rewrites the journal',
      at: '#/durability',
      button: 'Rewrite …',
      verb: 'Rewrite',
      said: /Background append only file rewriting (started|scheduled)/,
      shows: 'appendonly.aof.2.base',
      command: 'BGREWRITEAOF',
      isDone: async () => (await persistence('aof_rewrites')) !== '0',
    },
    {
      name: 'compares memory with the journal',
      at: '#/durability',
      button: 'Audit …',
      verb: 'Audit',
      said: /^\d+ keys compared in .*: 0 differ\.$/,
      command: 'DEBUG AUDIT',
      isDone: () => wasTold('DEBUG AUDIT'),
    },
    {
      name: 'forgets the slow log',
      at: '#/slow',
      button: 'Forget …',
      verb: 'Forget',
      said: 'The slow log is empty.',
      shows: 'No command was slow.',
      command: 'SLOWLOG RESET',
      isDone: async () => (await call('SLOWLOG', 'LEN')) === 0,
    },
  ]

  /** Presses a button, and answers the question. */
  async function press(page: Page, { at, button, fields = {}, typed, verb }: Press): Promise<void> {
    await page.evaluate(`location.hash = ${JSON.stringify(at)}`)
    await page.locator('main').getByRole('button', { name: button }).first().click()
    const dialog = page.getByRole('dialog')
    for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label).fill(text)
    const confirm = dialog.getByRole('button', { name: verb, exact: true })
    if (typed !== undefined) {
      expect(await confirm.isDisabled()).toBe(true)
      await dialog.getByRole('textbox').last().fill(typed)
    }
    await confirm.click()
  }

  const lineOf = ({ command }: Press, user: string): AuditLine | undefined =>
    audit.find((line) => line.user === user && line.command?.join(' ').startsWith(command) === true)

  test.each(PRESSES.map((each) => [each.name, each] as const))(
    'one %s, who may; another is told why not',
    async (_, each) => {
      const { isDone, said, shows } = each
      const { other, page } = opened as { other: Page; page: Page }
      await press(other, each)
      await other
        .getByRole('dialog')
        .getByText(/^Refused: NOPERM .*viewer/)
        .waitFor()
      expect(lineOf(each, 'viewer')).toMatchObject({ ok: false, address: '127.0.0.1' })
      await other.keyboard.press('Escape')
      expect(await isDone()).toBe(false)

      await press(page, each)
      await page.locator('.said', { hasText: said }).waitFor()
      await eventually(isDone)
      if (typeof shows === 'string') await page.locator('main').getByText(shows).first().waitFor()
      else if (shows !== undefined)
        await eventually(async () => (await page.locator('main').getByText(shows.not, { exact: true }).count()) === 0)
      expect(lineOf(each, 'default')).toMatchObject({ ok: true, address: '127.0.0.1' })
    },
  )
})
