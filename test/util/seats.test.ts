import { beforeEach, expect, test } from 'vitest'
import { type Listener, Seats } from '../../src/util/tables/handlers.ts'

type Told = [word: string, number: number]

let slot: Listener<Told> | null
let seats: Seats<Told>
let heard: string[]

const one = (word: string, number: number): void => void heard.push(`one ${word} ${number}`)
const two = (word: string): void => void heard.push(`two ${word}`)

beforeEach(() => {
  slot = null
  heard = []
  seats = new Seats<Told>((filled) => {
    slot = filled
  })
})

test('the slot is empty while nobody sits, and the listener itself while one does', () => {
  expect(slot).toBeNull()
  seats.take(one)
  expect(slot).toBe(one)
  seats.leave(one)
  expect(slot).toBeNull()
})

test('several are told one after the other, in the order in which they came', () => {
  seats.take(two)
  seats.take(one)
  slot!('a', 1)
  expect(heard).toEqual(['two a', 'one a 1'])
  seats.leave(two)
  expect(slot).toBe(one)
})

test('who sits already is told once, and who does not sit may leave', () => {
  seats.leave(one)
  seats.take(one)
  seats.take(one)
  expect(slot).toBe(one)
  seats.follow(one, true)
  seats.follow(one, false)
  expect(slot).toBeNull()
})

test('who leaves while all are told is told for the last time, and nobody is left out', () => {
  const shy = (): void => {
    heard.push('shy')
    seats.leave(shy)
  }
  seats.take(shy)
  seats.take(one)
  slot!('a', 1)
  slot!('b', 2)
  expect(heard).toEqual(['shy', 'one a 1', 'one b 2'])
})
