import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LogOutput, WAITING_BYTES_MAX, whyUnwritable } from '../../src/server/process/log-output.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

const TOLD = / warn the log could not be written for a while since=\S+Z linesLost=(\d+) reason="(.*)"$/

function linesOf(file: string): string[] {
  return fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)
}

test('a file may be moved away between two lines', () => {
  const file = join(temporaryDirectory(), 'log')
  const output = new LogOutput(file)
  output.write('one\n')
  fs.renameSync(file, `${file}.1`)
  output.write('two\n')
  expect([linesOf(`${file}.1`), linesOf(file)]).toEqual([['one'], ['two']])
})

test('lines that a full disk refused are written as soon as there is room', async () => {
  const file = join(temporaryDirectory(), 'log')
  fs.symlinkSync('/dev/full', file)
  const output = new LogOutput(file)
  expect(whyUnwritable(file)).toBeUndefined()
  output.write('one\n')
  output.write('two\n')
  fs.rmSync(file)
  await eventually(() => fs.existsSync(file))
  const lines = linesOf(file)
  expect(lines).toEqual(['one', 'two', expect.stringMatching(TOLD)])
  expect(TOLD.exec(lines[2]!)!.slice(1)).toEqual(['0', 'ENOSPC: no space left on device, write'])
  output.write('three\n')
  expect(linesOf(file).slice(3)).toEqual(['three'])
})

test('while its directory is gone a log keeps what there is room for, counts the rest, and tells of it once', async () => {
  const directory = join(temporaryDirectory(), 'logs')
  const file = join(directory, 'log')
  fs.mkdirSync(directory)
  const output = new LogOutput(file)
  output.write('before\n')
  fs.rmSync(directory, { recursive: true })
  const line = `${'x'.repeat(1023)}\n`
  const kept = WAITING_BYTES_MAX / line.length
  for (let i = 0; i < kept + 10; i++) output.write(line)
  // There would be room for this one, but it would stand before the gap.
  output.write('short\n')
  await output.drained()
  fs.mkdirSync(directory)
  expect(output.writeWaiting()).toBe(true)
  output.write('after\n')
  const lines = linesOf(file)
  expect(lines).toHaveLength(kept + 2)
  expect(TOLD.exec(lines[kept]!)!.slice(1)).toEqual(['11', expect.stringMatching(/^ENOENT: .*\/log'$/)])
  expect(lines[kept + 1]).toBe('after')
})

test('a pipe whose reader has stopped delays no client, and gets every line in order when it reads again', () => {
  const fifo = join(temporaryDirectory(), 'fifo')
  execFileSync('mkfifo', [fifo])
  const output = new LogOutput(fifo)
  // Nobody reads it yet: an opening that waits would never come back.
  output.write('line 0\n')
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  let text = ''
  const chunk = Buffer.alloc(WAITING_BYTES_MAX)
  for (let i = 1; i < 40_000; i++) output.write(`line ${i}\n`)
  while (!output.writeWaiting()) text += chunk.toString('latin1', 0, fs.readSync(reader, chunk))
  text += chunk.toString('latin1', 0, fs.readSync(reader, chunk))
  fs.closeSync(reader)
  const lines = text.split('\n').slice(0, -1)
  expect(lines.slice(0, 40_000).every((line, i) => line === `line ${i}`)).toBe(true)
  expect(lines.slice(40_000)).toEqual([])
})

test('the end waits for a reader that is slow, not for one that has stopped', async () => {
  const fifo = join(temporaryDirectory(), 'fifo')
  execFileSync('mkfifo', [fifo])
  const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const output = new LogOutput(fifo)
  const line = 'x'.repeat(1023)
  for (let i = 0; i < 200; i++) output.write(`${line}\n`)
  let read = 0
  const chunk = Buffer.alloc(8192)
  const timer = setInterval(() => {
    read += fs.readSync(reader, chunk)
  }, 1)
  await output.drained()
  expect(read).toBeGreaterThan(100 * 1024)
  clearInterval(timer)
  for (let i = 0; i < 200; i++) output.write(`${line}\n`)
  await output.drained()
  expect(output.writeWaiting()).toBe(false)
  fs.closeSync(reader)
})
