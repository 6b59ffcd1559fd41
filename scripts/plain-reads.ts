// Writes reads of arrays (src/util/array-reads.ts) in place: `itemAt(list, i)` becomes `list[i]`.
//
// All callers of a function share its cache of kinds, so each read would be slow: the tests of store
// and util took 60 % more processor time. The package has the bare read. In tests the assertion
// stands in place, too.

import { parseAst } from 'rolldown/parseAst'

const READS = new Set(['byteAt', 'numberAt', 'itemAt'])
/** Expressions that need no brackets before an index. */
const PLAIN = new Set(['Identifier', 'MemberExpression', 'ThisExpression', 'CallExpression'])
const IMPORT = /import \{[^}]*\} from '[./\w-]*\/array-reads\.ts'\n/
const FAILURE = "(() => { throw new Error('assertion failed: the index is within the array') })()"

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly name?: string
  readonly callee?: Node
  readonly arguments?: readonly Node[]
}

interface Read {
  readonly list: Node
  readonly index: Node
  readonly start: number
  readonly end: number
  /** Its statement begins with it. */
  readonly isFirst: boolean
}

/** A plugin of rolldown and of Vite. */
export function plainReads({ checked }: { checked: boolean }): {
  name: string
  enforce: 'pre'
  transform(code: string, id: string): string | undefined
} {
  return {
    name: 'plain-reads',
    enforce: 'pre',
    transform: (code, id) => (id.endsWith('.ts') && IMPORT.test(code) ? withPlainReads(code, checked) : undefined),
  }
}

/** Returns TypeScript without calls of the reads. */
export function withPlainReads(code: string, checked: boolean): string {
  const edits: { at: number; end: number; text: string }[] = []
  for (const { isFirst, list, index, start, end } of readsIn(parseAst(code, { lang: 'ts' }) as Node)) {
    const isEnclosed = checked || !PLAIN.has(list.type)
    // A line that begins with a bracket would go on with the line before it.
    const opening = `${isFirst && isEnclosed ? '0, ' : ''}${checked ? '(' : ''}`
    edits.push({ at: start, end: list.start, text: isEnclosed ? `${opening}(` : '' })
    edits.push({ at: list.end, end: index.start, text: isEnclosed ? ')[' : '[' })
    edits.push({ at: index.end, end, text: checked ? `] ?? ${FAILURE})` : ']' })
  }
  edits.sort((a, b) => b.at - a.at || b.end - a.end)
  let plain = code
  for (const { at, end, text } of edits) plain = plain.slice(0, at) + text + plain.slice(end)
  return plain
}

function* readsIn(node: Node, statementStart = -1): Generator<Read> {
  if (node.type === 'CallExpression' && READS.has(node.callee!.name ?? '')) {
    const [list, index] = node.arguments!
    yield { list: list!, index: index!, start: node.start, end: node.end, isFirst: node.start === statementStart }
  }
  const start = node.type === 'ExpressionStatement' ? node.start : statementStart
  for (const child of Object.values(node).flat()) {
    if (child !== null && typeof child === 'object' && 'type' in child) yield* readsIn(child, start)
  }
}
