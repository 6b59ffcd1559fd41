// A table, of which only the rows near the window are in the document.
//
// Rows are one line high, all of one height, so a row's place follows from its number. A row's first
// cell holds its link: j and k move from link to link.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { setQuery, useRoute } from '../data/route.ts'

export interface Column<Row> {
  readonly title: string
  cell(row: Row): ComponentChildren
  /** `num` is set to the right, `code` in the type of code. */
  readonly kind?: 'num' | 'code' | undefined
  /** In units of the text's size; the columns without one share the rest. */
  readonly width?: number | undefined
  /** The least width of the window, in pixels, at which the column is shown. */
  readonly from?: 600 | 900 | 1200 | 1600 | undefined
  sort?(row: Row): number | string | null | undefined
}

interface Props<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  keyOf(row: Row): string
  href?(row: Row): string
  /** The parameter of the address that holds the order; without it rows stay as they come. */
  readonly orderIn?: string
  /** Names a row for its button of selection. */
  readonly isDim?: ((row: Row) => boolean) | undefined
}

const ROW_PX = 32
/** Fewer rows are simply all there. */
const VIRTUAL_FROM = 120
const BEYOND = 25

export function Table<Row>({ label, columns, rows, keyOf, href, orderIn, isDim }: Props<Row>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const { query } = useRoute()
  const order = orderIn === undefined ? '' : (query.get(orderIn) ?? '')
  const sorted = ordered(rows, columns, order)
  const [from, to] = useVisibleRows(body, sorted.length)
  const shown = sorted.slice(from, to)
  const sortBy = (title: string): void => {
    if (orderIn !== undefined)
      setQuery({ [orderIn]: order === title ? `-${title}` : order === `-${title}` ? '' : title })
  }
  return (
    <table class="rows" aria-label={label} aria-rowcount={sorted.length + 1}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.title}
              scope="col"
              class={classOf(column)}
              style={column.width === undefined ? {} : { width: `${column.width}em` }}
              {...(order.replace(/^-/, '') === column.title && order !== ''
                ? { 'aria-sort': order.startsWith('-') ? ('ascending' as const) : ('descending' as const) }
                : {})}
            >
              {column.sort === undefined || orderIn === undefined ? (
                column.title
              ) : (
                <button type="button" class="sort" onClick={() => sortBy(column.title)}>
                  {column.title}
                </button>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        {from > 0 && <Space rows={from} columns={columns.length} />}
        {shown.map((row, i) => (
          <tr key={keyOf(row)} aria-rowindex={from + i + 2} class={isDim?.(row) === true ? 'dim' : undefined}>
            {columns.map((column, c) => (
              <td key={column.title} class={classOf(column)}>
                {c === 0 && href !== undefined ? (
                  <a href={href(row)} data-row title={titleOf(column.cell(row))}>
                    {column.cell(row)}
                  </a>
                ) : (
                  column.cell(row)
                )}
              </td>
            ))}
          </tr>
        ))}
        {to < sorted.length && <Space rows={sorted.length - to} columns={columns.length} />}
      </tbody>
    </table>
  )
}

function Space({ rows, columns }: { rows: number; columns: number }) {
  return (
    <tr class="space">
      <td colSpan={columns} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  )
}

const titleOf = (cell: ComponentChildren): string | undefined => (typeof cell === 'string' ? cell : undefined)

function classOf<Row>({ kind, from }: Column<Row>): string | undefined {
  const classes = [kind, from === undefined ? undefined : `from-${from}`].filter((name) => name !== undefined)
  return classes.length === 0 ? undefined : classes.join(' ')
}

function ordered<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: string): readonly Row[] {
  const column = columns.find(({ title }) => title === order.replace(/^-/, ''))
  if (column?.sort === undefined) return rows
  const sign = order.startsWith('-') ? 1 : -1
  // Rows without a value stand last in both directions.
  return rows
    .map((row) => ({ row, value: column.sort?.(row) ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return a.value === b.value ? 0 : a.value === null ? 1 : -1
      return typeof a.value === 'string'
        ? -sign * a.value.localeCompare(String(b.value))
        : sign * (a.value - Number(b.value))
    })
    .map(({ row }) => row)
}

/** The numbers of the rows that are near the window. */
function useVisibleRows(body: { readonly current: HTMLElement | null }, count: number): [number, number] {
  const [first, setFirst] = useState(0)
  const isVirtual = count > VIRTUAL_FROM
  useEffect(() => {
    if (!isVirtual) return
    let frame = 0
    const look = (): void => {
      frame = 0
      const top = body.current?.getBoundingClientRect().top ?? 0
      const row = Math.max(0, Math.floor(-top / ROW_PX) - BEYOND)
      // In steps, so that most movements change nothing.
      setFirst(row - (row % 10))
    }
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(look)
    }
    look()
    addEventListener('scroll', soon, { passive: true })
    addEventListener('resize', soon)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', soon)
      removeEventListener('resize', soon)
    }
  }, [isVirtual])
  if (!isVirtual) return [0, count]
  const from = Math.min(first, Math.max(0, count - 1))
  return [from, Math.min(count, from + Math.ceil(innerHeight / ROW_PX) + 2 * BEYOND + 10)]
}
