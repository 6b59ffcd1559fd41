// A small writer of SVG: boxes with text, arrows, and notes, in colours for light and for dark
// pages.
//
// Nothing is measured by a browser, so widths are estimates that are wide enough for every usual
// font. The drawing refuses text that does not fit into its box, texts or boxes that overlap, and
// arrows through a text.

const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
export const MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

/**
 * Width of a character in units of the font's size: DejaVu, the widest of the fonts above, with a
 * little to spare.
 */
const CHARACTER_WIDTH = { name: 0.68, text: 0.6, code: 0.61 } as const

const SIZE = { name: 14, text: 12, code: 11 } as const
const LINE_HEIGHT = { name: 19, text: 16, code: 15 } as const

/** The inner margin of a box. */
export const MARGIN = 10

type Style = keyof typeof SIZE

interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * A box: a name in bold, then a text that is wrapped, then names in small frames (the rooms of a
 * folder).
 */
export interface Box extends Rectangle {
  readonly name: string
  readonly text?: string
  readonly rooms?: readonly string[]
  /**
   * How it is coloured: `plain`, `strong` for the middle of the picture, `kept` for what is on a
   * disk, `refused` for a way that ends.
   */
  readonly kind?: 'plain' | 'strong' | 'kept' | 'refused' | undefined
}

export interface Point {
  readonly x: number
  readonly y: number
}

export class Drawing {
  readonly #width: number
  readonly #title: string
  readonly #description: string
  readonly #parts: string[] = []
  readonly #boxes: { name: string; rectangle: Rectangle }[] = []
  readonly #texts: { text: string; rectangle: Rectangle }[] = []
  readonly #bands: string[] = []
  readonly #lines: Rectangle[] = []
  #height = 0

  /** The description is what a reader hears who does not see the picture. */
  constructor(width: number, title: string, description: string) {
    this.#width = width
    this.#title = title
    this.#description = description
    this.heading({ x: MARGIN, y: 26 }, title)
  }

  /** A large line of text that stands over what follows. */
  heading({ x, y }: Point, text: string): void {
    this.#line(text, 'name', x, y)
  }

  /** A stretch of the background with a caption at its upper left corner: boxes stand on it. */
  band({ x, y, width, height }: Rectangle, caption: string): void {
    this.#bands.push(`<rect class="band" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`)
    this.#line(caption, 'text', x + MARGIN, y + 17)
    this.#reach(x + width, y + height)
  }

  box(box: Box): void {
    const { x, y, width, height, kind = 'plain' } = box
    const rectangle = { x, y, width, height }
    for (const other of this.#boxes) {
      if (overlap(other.rectangle, rectangle)) throw new Error(`${box.name} overlaps ${other.name}`)
    }
    if (heightOfBox(box) > height) throw new Error(`the text of ${box.name} needs a height of ${heightOfBox(box)}`)
    this.#boxes.push({ name: box.name, rectangle })
    this.#parts.push(`<rect class="box ${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`)
    let bottom = y + MARGIN
    for (const line of wrap(box.name, 'name', width)) {
      bottom += LINE_HEIGHT.name
      this.#line(line, 'name', x + MARGIN, bottom - 5)
    }
    for (const line of wrap(box.text ?? '', 'text', width)) {
      bottom += LINE_HEIGHT.text
      this.#line(line, 'text', x + MARGIN, bottom - 4)
    }
    for (const { name, left, row } of placeRooms(box.rooms ?? [], width)) {
      const top = bottom + 6 + row * ROOM_ROW
      const wide = roomWidth(name)
      this.#parts.push(`<rect class="room" x="${x + left}" y="${top}" width="${wide}" height="18" rx="4"/>`)
      this.#line(name, 'code', x + left + ROOM_MARGIN, top + 13)
    }
    this.#reach(x + width, y + height)
  }

  /**
   * A line with an arrowhead through the points; a label stands beside its beginning, or where it
   * is told.
   */
  arrow(points: readonly Point[], label?: { readonly text: string } & Point): void {
    const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join(' ')
    this.#parts.push(`<path class="arrow" d="${path}" marker-end="url(#head)"/>`)
    for (const [i, { x, y }] of points.entries()) {
      this.#reach(x, y)
      const before = points[Math.max(0, i - 1)] ?? { x, y }
      const [left, top] = [Math.min(x, before.x), Math.min(y, before.y)]
      this.#lines.push({ x: left, y: top, width: Math.abs(x - before.x) + 1, height: Math.abs(y - before.y) + 1 })
    }
    if (label !== undefined) this.note(label, label.text)
  }

  /** A line of small text outside of boxes. */
  note({ x, y }: Point, text: string): void {
    const rectangle = rectangleOf(text, 'text', x, y)
    for (const other of this.#boxes) {
      if (overlap(other.rectangle, rectangle)) throw new Error(`the note “${text}” lies over ${other.name}`)
    }
    this.#line(text, 'text', x, y)
  }

  toString(): string {
    for (const { text, rectangle } of this.#texts) {
      if (this.#lines.some((line) => overlap(line, rectangle))) throw new Error(`an arrow crosses “${text}”`)
    }
    const height = this.#height + MARGIN
    return [
      `<!-- Generated by \`npm run docs\` (scripts/draw-diagrams.ts); a test compares it. -->`,
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.#width} ${height}" width="${this.#width}" height="${height}" role="img" aria-labelledby="title description">`,
      `<title id="title">${escaped(this.#title)}</title>`,
      `<desc id="description">${escaped(this.#description)}</desc>`,
      STYLE,
      `<rect class="page" width="${this.#width}" height="${height}"/>`,
      ...this.#bands,
      ...this.#parts,
      '</svg>',
      '',
    ].join('\n')
  }

  #line(text: string, style: Style, x: number, y: number): void {
    const rectangle = rectangleOf(text, style, x, y)
    if (x + rectangle.width > this.#width) throw new Error(`“${text}” leaves the picture`)
    for (const other of this.#texts) {
      if (overlap(other.rectangle, rectangle)) throw new Error(`“${text}” overlaps “${other.text}”`)
    }
    this.#texts.push({ text, rectangle })
    this.#parts.push(`<text class="${style}" x="${x}" y="${y}">${escaped(text)}</text>`)
    this.#reach(x, y)
  }

  #reach(x: number, y: number): void {
    if (x > this.#width) throw new Error(`something reaches to ${x} in a picture that is ${this.#width} wide`)
    this.#height = Math.max(this.#height, y)
  }
}

/** The least height of a box in which its name, text and rooms have space. */
export function heightOfBox({ width, name, text = '', rooms = [] }: Omit<Box, 'x' | 'y' | 'height'>): number {
  const words =
    wrap(name, 'name', width).length * LINE_HEIGHT.name + wrap(text, 'text', width).length * LINE_HEIGHT.text
  const rows = Math.max(0, ...placeRooms(rooms, width).map(({ row }) => row + 1))
  return MARGIN + words + (rows === 0 ? 0 : 6 + rows * ROOM_ROW) + MARGIN - 2
}

const ROOM_ROW = 22
const ROOM_MARGIN = 6
const ROOM_GAP = 5

function roomWidth(name: string): number {
  return Math.ceil(textWidth(name, 'code')) + 2 * ROOM_MARGIN
}

/** Places rooms from left to right, and in a further row where one is full. */
function placeRooms(names: readonly string[], width: number): { name: string; left: number; row: number }[] {
  let left = MARGIN
  let row = 0
  return names.map((name) => {
    const wide = roomWidth(name)
    if (left > MARGIN && left + wide > width - MARGIN) {
      left = MARGIN
      row++
    }
    const placed = { name, left, row }
    left += wide + ROOM_GAP
    return placed
  })
}

function textWidth(text: string, style: Style): number {
  return text.length * SIZE[style] * CHARACTER_WIDTH[style]
}

/** Breaks a text into lines that fit into a box. */
function wrap(text: string, style: Style, boxWidth: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ').filter((word) => word !== '')) {
    const last = lines.at(-1)
    const longer = `${last} ${word}`
    if (last !== undefined && textWidth(longer, style) <= boxWidth - 2 * MARGIN) lines[lines.length - 1] = longer
    else lines.push(word)
    if (textWidth(word, style) > boxWidth - 2 * MARGIN)
      throw new Error(`“${word}” is too long for a box of ${boxWidth}`)
  }
  return lines
}

function rectangleOf(text: string, style: Style, x: number, baseline: number): Rectangle {
  return { x, y: baseline - SIZE[style] + 2, width: textWidth(text, style), height: SIZE[style] }
}

function overlap(one: Rectangle, other: Rectangle): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  )
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const STYLE = `<style>
  .page { fill: #ffffff }
  .band { fill: #f3f5f8 }
  .box { fill: #ffffff; stroke: #8a94a3 }
  .strong { fill: #fff3d6; stroke: #b7791f }
  .kept { fill: #e3f3ea; stroke: #3c8259 }
  .refused { fill: #fbe9e7; stroke: #b4513f }
  .room { fill: #edf1f7; stroke: #c3ccd8 }
  text { font-family: ${FONT} }
  .name { font-size: ${SIZE.name}px; font-weight: bold; fill: #1c2430 }
  .text { font-size: ${SIZE.text}px; fill: #3d4856 }
  .code { font-size: ${SIZE.code}px; font-family: ${MONOSPACE}; fill: #2a4a73 }
  .arrow { fill: none; stroke: #566273; stroke-width: 1.5 }
  .head { fill: #566273 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0f141a }
    .band { fill: #171e27 }
    .box { fill: #1d2631; stroke: #66758a }
    .strong { fill: #3a2f14; stroke: #d3a13f }
    .kept { fill: #163325; stroke: #5fae83 }
    .refused { fill: #3a1f1b; stroke: #d98877 }
    .room { fill: #263344; stroke: #43546b }
    .name { fill: #eef2f7 }
    .text { fill: #b9c4d2 }
    .code { fill: #a9c9f2 }
    .arrow { stroke: #97a5b8 }
    .head { fill: #97a5b8 }
  }
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>`
