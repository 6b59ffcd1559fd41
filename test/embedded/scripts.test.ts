// Scripts and functions in a program that holds the broker: values instead of bytes, and nobody there to stop what is endless.

import { expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, openBroker } from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

test('the result of a script is a value of its kind', async () => {
  const broker = await open()
  const returned = (script: string): Promise<unknown> => broker.call('EVAL', script, 0)
  expect(await returned("return {1, 'two', false, {ok = 'three'}, 4.9}")).toEqual([1, 'two', null, 'three', 4])
  expect(await returned('return {double = 1.5}')).toBe(1.5)
  expect(await returned('return {map = {a = 1, b = {2}}}')).toEqual(
    new Map<string, unknown>([
      ['a', 1],
      ['b', [2]],
    ]),
  )
  expect(await returned('redis.setresp(3) return {true, false}')).toEqual([true, false])
  expect(await returned("return {big_number = '123456789012345678901234567890'}")).toBe(123456789012345678901234567890n)
  expect(await returned("return {verbatim_string = {format = 'txt', string = 'as it is'}}")).toBe('as it is')
  await expect(returned("return redis.error_reply('MINE it is')")).rejects.toMatchObject({ code: 'MINE' })
  await expect(returned('error("no")')).rejects.toThrow(/^ERR user_script:1: no script: \w{40}, on @user_script:1\.$/)
})

test('whatever shape a script gives its reply, the program lives', async () => {
  const broker = await open()
  const returned = (script: string): Promise<unknown> => broker.call('EVAL', script, 0)
  let deep = await returned('local t = {} for i = 1, 7000 do t = {t} end return t')
  let levels = 0
  while (Array.isArray(deep) && deep.length > 0) {
    deep = deep[0]
    levels++
  }
  expect(levels).toBe(7000)
  expect(await returned("return {big_number = 'none'}")).toBe('none')
  expect(await returned("return {ok = 'a\\0b\\r\\nc'}")).toBe('a')
  expect(await returned("return {verbatim_string = {format = '', string = ''}}")).toBe('')
  expect(await returned('return {map = {[{1}] = {2}}}')).toEqual(new Map([[[1], [2]]]))
  expect(await returned('return {double = 0/0}')).toBeNaN()
  expect(await returned('return {set = {}}')).toEqual(new Set())
  expect(await returned("return {{err = 'IN side'}, 2}")).toMatchObject([{ code: 'IN' }, 2])
})

test('keys and arguments are any bytes, and scripts are found by their SHA-1', async () => {
  const broker = await open()
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  expect(await broker.callBuffer('EVAL', 'return {KEYS[1], ARGV[1]}', 1, bytes, bytes)).toEqual([bytes, bytes])
  const sha = (await broker.call('SCRIPT', 'LOAD', "return redis.call('INCRBY', KEYS[1], ARGV[1])")) as string
  const sums = await Promise.all(Array.from({ length: 100 }, () => broker.call('EVALSHA', sha, 1, 'n', 2)))
  expect(sums).toEqual(Array.from({ length: 100 }, (_, i) => 2 * (i + 1)))
  await expect(broker.call('EVALSHA', 'f'.repeat(40), 0)).rejects.toMatchObject({ code: 'NOSCRIPT' })
})

test('a script wakes those who wait', async () => {
  const broker = await open()
  const popped = broker.call('BLPOP', 'queue', 0)
  expect(await broker.call('EVAL', "return redis.call('RPUSH', 'queue', 'a', 'b')", 0)).toBe(2)
  expect(await popped).toEqual(['queue', 'a'])
})

test('functions are there when the broker is opened again, scripts are not', async () => {
  const dir = temporaryDirectory()
  const first = await openBroker({ dir })
  const code =
    "#!lua name=l\nredis.register_function('add', function(k, a) return redis.call('INCRBY', k[1], a[1]) end)"
  expect(await first.call('FUNCTION', 'LOAD', code)).toBe('l')
  expect(await first.call('FCALL', 'add', 1, 'n', 5)).toBe(5)
  const sha = (await first.call('SCRIPT', 'LOAD', 'return 1')) as string
  await first.close()
  const second = await open({ dir })
  expect(await second.call('FCALL', 'add', 1, 'n', 5)).toBe(10)
  expect(await second.call('SCRIPT', 'EXISTS', sha)).toEqual([0])
})

test('an endless script that has changed nothing is ended by itself, and the program goes on', async () => {
  const broker = await open({ config: { 'busy-reply-threshold': '20' } })
  const endless = ['while true do end', 'while true do pcall(function() while true do end end) end']
  for (const script of endless) {
    await expect(broker.call('EVAL', script, 0)).rejects.toThrow(/Script ran for longer than busy-reply-threshold/)
  }
  await broker.call('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() while true do end end)")
  await expect(broker.call('FCALL', 'f', 0)).rejects.toThrow(/ran for longer/)
  expect(await broker.call('EVAL', 'return 1', 0)).toBe(1)
})
