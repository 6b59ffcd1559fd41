// The form in which the objects of Kubernetes are written down once (manifests.ts), and out of
// which plain manifests, Kustomize patches and Helm templates are made.
//
// An object is a tree of plain values, typed as Kubernetes' API types it. Three marks may stand in
// the place of a value, and pretend to be it:
//
//   value('replicas')          a value that Helm takes from values.yaml; elsewhere its default
//   when('tls.enabled', x)     x where that value is set; otherwise the entry is not there
//   either('acl.enabled', x, y)   x where that value is set, otherwise y
//   note('why', x)             x with a comment above it
//
// A value within a text is a mark too: `${value('name')}-brokers`.

export type Scalar = string | number | boolean
export type Tree = Scalar | Tree[] | { [name: string]: Tree } | When | Note

export class When {
  readonly path: string
  readonly chosen: Tree
  /** Undefined: nothing. */
  readonly otherwise: Tree | undefined

  constructor(path: string, chosen: Tree, otherwise?: Tree) {
    this.path = path
    this.chosen = chosen
    this.otherwise = otherwise
  }
}

export class Note {
  readonly text: string
  readonly of: Tree

  constructor(text: string, of: Tree) {
    this.text = text
    this.of = of
  }
}

/** Begins and ends the path of a value in a text. Neither occurs in manifests. */
const [BEGIN, END] = ['\u0001', '\u0002']
const MARKS = /\u0001([^\u0002]*)\u0002/g

/** A value of values.yaml, as a value of the type that is wanted. */
export function value<T = string>(path: string): T {
  return `${BEGIN}${path}${END}` as unknown as T
}

/** Only where the value at `path` is set. The last entries of an array may be such, no others. */
export function when<T>(path: string, then: T): T {
  return new When(path, then as Tree) as unknown as T
}

export function either<T>(path: string, then: T, otherwise: T): T {
  return new When(path, then as Tree, otherwise as Tree) as unknown as T
}

export function note<T>(text: string, of: T): T {
  return new Note(text, of as Tree) as unknown as T
}

/** Replaces the values in a text. */
export function replaceMarks(text: string, by: (path: string) => string): string {
  return text.replace(MARKS, (_, path: string) => by(path))
}

/** The path when a text is one value and nothing else. */
export function onlyMark(text: string): string | undefined {
  const [whole, path] = new RegExp(MARKS.source).exec(text) ?? []
  return whole === text ? path : undefined
}

export type Values = { [name: string]: Tree }

/** The value at a path such as `storage.size`, without marks. */
export function valueAt(values: Values, path: string): Tree {
  let at: Tree = values
  for (const name of path.split('.')) {
    at = bare(at)
    const next: Tree | undefined = (at as Values)[name]
    if (next === undefined) throw new Error(`there is no value '${path}'`)
    at = next
  }
  return bare(at)
}

export function isSet(values: Values, path: string): boolean {
  const found = valueAt(values, path)
  return !(found === false || found === '' || (typeof found === 'object' && Object.keys(found).length === 0))
}

/** A tree without its note. */
export function bare(tree: Tree): Tree {
  return tree instanceof Note ? tree.of : tree
}

/** An object as JSON has it: every mark is replaced. */
export type Plain = string | number | boolean | Plain[] | { [name: string]: Plain }

/** Replaces all marks by these values. Undefined: the entry is not there. */
export function resolve(tree: Tree, values: Values): Plain | undefined {
  if (tree instanceof Note) return resolve(tree.of, values)
  if (tree instanceof When) {
    const chosen = isSet(values, tree.path) ? tree.chosen : tree.otherwise
    return chosen === undefined ? undefined : resolve(chosen, values)
  }
  if (typeof tree === 'string') {
    const path = onlyMark(tree)
    if (path !== undefined) return resolve(valueAt(values, path), values)
    return replaceMarks(tree, (at) => String(valueAt(values, at)))
  }
  if (typeof tree !== 'object') return tree
  if (Array.isArray(tree)) return tree.map((item) => resolve(item, values)).filter((item) => item !== undefined)
  const entries = Object.entries(tree).map(([name, item]) => [name, resolve(item, values)] as const)
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, Plain] => entry[1] !== undefined))
}
