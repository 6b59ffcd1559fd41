// A page that hears a stream by one of the three ways, keeps the last id as a browser does, and comes
// back by itself, to any of several doors, whenever its connection has broken.

import http from 'node:http'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { sleep } from '../../src/util/time/real-time.ts'

export type Way = 'events' | 'poll' | 'socket'

export interface HeardMessage {
  readonly id: string
  readonly channel: string
  readonly message: string
}

export interface HeardGap {
  readonly channel: string
  readonly count: number | null
  readonly after: string
  readonly before: string
}

/** A browser waits two seconds. */
const PAUSE_MS = 10

export class Page {
  readonly heard: HeardMessage[] = []
  readonly gaps: HeardGap[] = []
  /** Times that it came back. */
  connections = 0
  readonly #way: Way
  readonly #query: string
  readonly #doors: () => readonly string[]
  #last: string
  #cut: () => void = () => {}
  #isOver = false

  /** `last`: the id behind which it begins. `doors`: URLs without paths, which it tries by turns. */
  constructor(way: Way, query: string, last: string, doors: () => readonly string[]) {
    this.#way = way
    this.#query = query
    this.#last = last
    this.#doors = doors
    onTestFinished(() => this.close())
    void this.#listen()
  }

  /** What it asks for. */
  get name(): string {
    return `${this.#way} ${this.#query}`
  }

  get texts(): string[] {
    return this.heard.map(({ message }) => message)
  }

  /** Breaks its connection. What is on its way is not heard. */
  cut(): void {
    this.#cut()
  }

  close(): void {
    this.#isOver = true
    this.#cut()
  }

  async #listen(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const doors = this.#doors()
      const door = doors[i % doors.length] ?? ''
      this.connections++
      if (this.#way === 'events') await this.#events(`${door}/v1/subscribe?format=json&${this.#query}`)
      else if (this.#way === 'poll') await this.#poll(`${door}/v1/subscribe?wait=2s&${this.#query}`)
      else await this.#socket(`${door.replace('http', 'ws')}/v1/socket?${this.#query}&from=${this.#last}`)
      await sleep(PAUSE_MS)
    }
  }

  #hear(message: HeardMessage): void {
    this.heard.push(message)
    this.#last = message.id
  }

  /** Fulfilled when the connection has ended. */
  #events(url: string): Promise<void> {
    return new Promise((resolve) => {
      let isCut = false
      const headers = { 'Last-Event-ID': this.#last }
      const request = http.get(url, { headers, agent: false }, (response) => {
        const { location } = response.headers
        if (response.statusCode !== 200) {
          request.destroy()
          if (response.statusCode === 307 && location !== undefined) void this.#events(location).then(resolve)
          else resolve()
          return
        }
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (isCut) return
          const blocks = (text + chunk).split('\n\n')
          text = blocks.pop() ?? ''
          for (const block of blocks) this.#event(block)
        })
        response.on('close', resolve).on('error', resolve)
      })
      request.on('error', () => resolve())
      this.#cut = () => {
        isCut = true
        request.destroy()
        resolve()
      }
    })
  }

  #event(block: string): void {
    const data = /^data: (.*)$/m.exec(block)?.[1]
    const id = /^id: (.*)$/m.exec(block)?.[1]
    if (block.startsWith('event: gap')) this.gaps.push(JSON.parse(data ?? ''))
    else if (data !== undefined) this.#hear(JSON.parse(data))
    if (id !== undefined) this.#last = id
  }

  async #poll(url: string): Promise<void> {
    const abort = new AbortController()
    this.#cut = () => abort.abort()
    const { signal } = abort
    try {
      const answer = await fetch(`${url}&from=${this.#last}`, { signal, headers: { Accept: 'application/json' } })
      if (!answer.ok) return
      const { gaps, messages, next } = (await answer.json()) as {
        messages: HeardMessage[]
        gaps: HeardGap[]
        next: string | null
      }
      if (signal.aborted) return
      this.gaps.push(...gaps)
      for (const message of messages) this.#hear(message)
      this.#last = next ?? this.#last
    } catch {
      // It broke off.
    }
  }

  #socket(url: string): Promise<void> {
    return new Promise((resolve) => {
      let isCut = false
      const socket = new WebSocket(url, { followRedirects: true })
      socket.on('message', (data) => {
        if (isCut) return
        const frame = JSON.parse(String(data)) as HeardMessage & { gap?: HeardGap }
        if (frame.gap === undefined) this.#hear(frame)
        else this.gaps.push(frame.gap)
      })
      socket.on('close', () => resolve()).on('error', () => socket.terminate())
      this.#cut = () => {
        isCut = true
        socket.terminate()
        resolve()
      }
    })
  }
}
