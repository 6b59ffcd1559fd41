// Writes trees (tree.ts) as YAML: for Helm with its templates in the places of values, otherwise
// with the values themselves.

import { isSet, Note, onlyMark, replaceMarks, type Tree, type Values, valueAt, When } from './tree.ts'

export interface Form {
  /** Helm's templates take the places of values, and decide themselves what is there. */
  readonly isHelm: boolean
  /** Their values, or the defaults of Helm's. */
  readonly values: Values
}

const LINE_LENGTH_MAX = 100
const INDENT = '  '
/** Texts that YAML reads as they stand. */
const PLAIN = /^[A-Za-z/$][\w./$()%-]*(?: [\w./$()%-]+)*$/
/** Words that YAML 1.1 reads as something else. */
const NO_TEXTS = /^(y|n|yes|no|true|false|on|off|null)$/i

/** One document. */
export function yamlOf(tree: Tree, form: Form): string {
  return `${linesOf(tree, form, '').join('\n')}\n`
}

function linesOf(tree: Tree, form: Form, indent: string): string[] {
  if (tree instanceof Note) return [...comment(tree.text, indent), ...linesOf(tree.of, form, indent)]
  if (tree instanceof When) return conditional(tree, form, (then) => linesOf(then, form, indent))
  if (Array.isArray(tree)) return tree.flatMap((item) => itemLines(item, form, indent))
  if (typeof tree === 'object')
    return Object.entries(tree).flatMap(([name, item]) => entryLines(name, item, form, indent))
  return [`${indent}${scalar(tree, form)}`]
}

function conditional({ chosen, otherwise, path }: When, form: Form, lines: (then: Tree) => string[]): string[] {
  const others = otherwise === undefined ? [] : lines(otherwise)
  if (!form.isHelm) return isSet(form.values, path) ? lines(chosen) : others
  const rest = otherwise === undefined ? [] : ['{{- else }}', ...others]
  return [`{{- if .Values.${path} }}`, ...lines(chosen), ...rest, '{{- end }}']
}

function entryLines(name: string, item: Tree, form: Form, indent: string): string[] {
  if (item instanceof Note) return [...comment(item.text, indent), ...entryLines(name, item.of, form, indent)]
  if (item instanceof When) return conditional(item, form, (then) => entryLines(name, then, form, indent))
  const key = `${indent}${PLAIN.test(name) && !NO_TEXTS.test(name) ? name : JSON.stringify(name)}:`
  const filled = fill(item, form)
  if (typeof filled === 'string') {
    if (filled.includes('\n'))
      return [`${key} ${filled.endsWith('\n') ? '|' : '|-'}`, ...blockLines(filled, form, indent + INDENT)]
    const path = onlyMark(filled)
    if (path !== undefined && form.isHelm && typeof valueAt(form.values, path) === 'object')
      return [key, `{{ toYaml .Values.${path} | indent ${indent.length + INDENT.length} }}`]
  }
  if (typeof filled !== 'object') return [`${key} ${scalar(filled, form)}`]
  if (Object.keys(filled).length === 0) return [`${key} ${Array.isArray(filled) ? '[]' : '{}'}`]
  if (Array.isArray(filled) && filled.every((one) => typeof one === 'string' && onlyMark(one) === undefined)) {
    const flow = `${key} [${filled.map((one) => scalar(one as string, form)).join(', ')}]`
    if (flow.length <= LINE_LENGTH_MAX) return [flow]
  }
  return [key, ...linesOf(filled, form, indent + INDENT)]
}

function itemLines(item: Tree, form: Form, indent: string): string[] {
  if (item instanceof Note) return [...comment(item.text, indent), ...itemLines(item.of, form, indent)]
  if (item instanceof When) return conditional(item, form, (then) => itemLines(then, form, indent))
  const [first = '', ...rest] = linesOf(fill(item, form), form, indent + INDENT)
  return [`${indent}- ${first.trimStart()}`, ...rest]
}

/** Text with line ends, as a literal block. Its values are put in by Helm, line by line. */
function blockLines(text: string, form: Form, indent: string): string[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line === '' ? '' : indent + replaceMarks(escaped(line, form), (path) => inserted(path, form))))
}

/** A tree that a value stands for, where values are known. */
function fill(item: Tree, form: Form): Tree {
  if (typeof item !== 'string' || form.isHelm) return item
  const path = onlyMark(item)
  return path === undefined ? item : valueAt(form.values, path)
}

function scalar(item: Tree, form: Form): string {
  if (typeof item !== 'string') return String(item)
  const path = onlyMark(item)
  if (path !== undefined && form.isHelm) {
    const isText = typeof valueAt(form.values, path) === 'string'
    return `{{ .Values.${path}${isText ? ' | quote' : ''} }}`
  }
  const text = replaceMarks(escaped(item, form), (at) => inserted(at, form))
  return PLAIN.test(text) && !NO_TEXTS.test(text) ? text : quoted(text, form)
}

/** Single quotes where they do, as people write them. */
function quoted(text: string, form: Form): string {
  if (!form.isHelm && !/['\n\t\\]/.test(text)) return `'${text}'`
  // A template within has quotes of its own, which are not the text's.
  const parts = text.split(/(\{\{.*?\}\})/)
  return `"${parts.map((part, i) => (i % 2 === 1 ? part : JSON.stringify(part).slice(1, -1))).join('')}"`
}

/** Braces of another template language, that of alert rules, which Helm must leave alone. */
function escaped(text: string, form: Form): string {
  return form.isHelm ? text.replace(/\{\{.*?\}\}/g, (found) => `{{ ${'`'}${found}${'`'} }}`) : text
}

function inserted(path: string, form: Form): string {
  return form.isHelm ? `{{ .Values.${path} }}` : String(valueAt(form.values, path))
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = `${indent}#`
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > LINE_LENGTH_MAX && line.trim() !== '#') {
      lines.push(line)
      line = `${indent}#`
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
