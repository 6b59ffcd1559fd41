import { beforeEach, expect, test } from 'vitest'
import { type Handler, Handlers } from '../../src/util/tables/handlers.ts'

type Told = [word: string, number: number]

let slot: Handler<Told> | null
let seats: Handlers<Told>
let heard: string[]

const one = (word: string, number: number): void => void heard.push(`one ${word} ${number}`)
const two = (word: string): void => void heard.push(`two ${word}`)

beforeEach(() => {
  slot = null
  heard = []
  seats = new Handlers<Told>((filled) => {
    slot = filled
  })
})

test('the slot is null without handlers, and the handler itself while there is one', () => {
  expect(slot).toBeNull()
  seats.add(one)
  expect(slot).toBe(one)
  seats.remove(one)
  expect(slot).toBeNull()
})

test('several handlers are called one after the other, in the order in which they were added', () => {
  seats.add(two)
  seats.add(one)
  slot!('a', 1)
  expect(heard).toEqual(['two a', 'one a 1'])
  seats.remove(two)
  expect(slot).toBe(one)
})

test('a handler added twice is called once, and one that was not added may be removed', () => {
  seats.remove(one)
  seats.add(one)
  seats.add(one)
  expect(slot).toBe(one)
  seats.follow(one, true)
  seats.follow(one, false)
  expect(slot).toBeNull()
})

test('a handler removed during a call is called for the last time, and no other is left out', () => {
  const shy = (): void => {
    heard.push('shy')
    seats.remove(shy)
  }
  seats.add(shy)
  seats.add(one)
  slot!('a', 1)
  slot!('b', 2)
  expect(heard).toEqual(['shy', 'one a 1', 'one b 2'])
})
