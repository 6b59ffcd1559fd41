// Numbers with their units, and times in the reader's zone.

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const ONE_DIGIT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const DAY = new Intl.DateTimeFormat('sv', { dateStyle: 'short' })
const CLOCK = new Intl.DateTimeFormat('sv', { timeStyle: 'medium' })
const ZONE = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })

/** Stands where a value is not known or there is none. */
export const NONE = '–'

type Maybe = number | null | undefined

const isMissing = (value: Maybe): value is null | undefined =>
  value === null || value === undefined || Number.isNaN(value)

export function count(value: Maybe): string {
  return isMissing(value) ? NONE : NUMBER.format(value)
}

/** `one message`, `12 messages`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${NUMBER.format(value)} ${value === 1 ? noun : plural}`
}

/** A short number for a small place: 1.2 k, 34 M. */
export function short(value: Maybe): string {
  if (isMissing(value)) return NONE
  const size = Math.abs(value)
  if (size >= 1e9) return `${ONE_DIGIT.format(value / 1e9)} G`
  if (size >= 1e6) return `${ONE_DIGIT.format(value / 1e6)} M`
  if (size >= 1e4) return `${ONE_DIGIT.format(value / 1e3)} k`
  return size >= 100 || Number.isInteger(value) ? NUMBER.format(value) : ONE_DIGIT.format(value)
}

export function rate(value: Maybe): string {
  return isMissing(value) ? NONE : `${short(value)}/s`
}

export function bytes(value: Maybe): string {
  if (isMissing(value)) return NONE
  const size = Math.abs(value)
  if (size < 1000) return `${NUMBER.format(value)} B`
  if (size < 1e6) return `${digits(value / 1e3)} kB`
  if (size < 1e9) return `${digits(value / 1e6)} MB`
  return `${digits(value / 1e9)} GB`
}

export function byteRate(value: Maybe): string {
  return isMissing(value) ? NONE : `${bytes(value)}/s`
}

const digits = (value: number): string => (Math.abs(value) >= 100 ? NUMBER.format(value) : ONE_DIGIT.format(value))

export function percent(value: Maybe): string {
  return isMissing(value) ? NONE : `${digits(value * 100)} %`
}

/** A duration given in milliseconds. */
export function duration(ms: Maybe): string {
  if (isMissing(ms)) return NONE
  if (ms < 0) return `-${duration(-ms)}`
  if (ms === 0) return '0 ms'
  if (ms < 1) return `${NUMBER.format(ms * 1000)} µs`
  if (ms < 10) return `${ONE_DIGIT.format(ms)} ms`
  if (ms < 1000) return `${NUMBER.format(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${ONE_DIGIT.format(seconds)} s`
  if (seconds < 60) return `${NUMBER.format(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 60) return two(minutes, 'min', 60, 's')
  const hours = minutes / 60
  if (hours < 24) return two(hours, 'h', 60, 'min')
  return two(hours / 24, 'd', 24, 'h')
}

function two(value: number, unit: string, parts: number, partUnit: string): string {
  const whole = Math.floor(value)
  const rest = Math.floor((value - whole) * parts)
  return rest === 0 || whole >= 10 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${partUnit}`
}

/** A moment in the reader's zone: the day is left out when it is today. */
export function moment(ms: Maybe, now = Date.now()): string {
  if (isMissing(ms)) return NONE
  const date = new Date(ms)
  const clock = CLOCK.format(date)
  return DAY.format(date) === DAY.format(now) ? clock : `${DAY.format(date)} ${clock}`
}

/** The whole of a moment, with its zone, for a title. */
export function wholeMoment(ms: number): string {
  const date = new Date(ms)
  const zone = ZONE.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  return `${DAY.format(date)} ${CLOCK.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')} ${zone}`
}

export function clock(ms: number): string {
  return CLOCK.format(ms)
}

/** The time in an id of a message or of an entry of a stream. */
export function timeOfId(id: string | null | undefined): number | null {
  const ms = Number(/^(\d+)-\d+$/.exec(id ?? '')?.[1] ?? Number.NaN)
  return Number.isNaN(ms) ? null : ms
}
