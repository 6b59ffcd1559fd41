// Topic selectors of Mercure: a topic itself, `*` for every topic, or a URI template (RFC 6570)
// that the topic could be an expansion of.
//
// A template is matched part by part. A row of flags says where in the topic the parts so far
// may end. So the time is the length of the topic times the number of parts. A regular
// expression with many variables would take for ever on a hostile topic.

/** The number of parsed templates that are remembered. */
const REMEMBERED_MAX = 1000
const SELECTOR_CHARACTERS_MAX = 1024
/** Longer topics are selected by no template. */
export const TOPIC_CHARACTERS_MAX = 2048
/** The most variables of a template: each makes matching slower. */
const VARIABLES_MAX = 16

/** A variable: nothing, or `first` and then characters that it may have. */
interface Variable {
  /** Undefined = one of the others. */
  readonly first: string | undefined
  readonly allowed: RegExp
}

type Part = string | Variable

const PLAIN = /[A-Za-z0-9\-._~,%]/

/** The operator of an expression → what the expression may become. */
const OPERATORS: Readonly<Record<string, Variable>> = {
  '+': { first: undefined, allowed: /\S/ },
  '#': { first: '#', allowed: /\S/ },
  '.': { first: '.', allowed: PLAIN },
  '/': { first: '/', allowed: /[A-Za-z0-9\-._~,%/]/ },
  ';': { first: ';', allowed: /[A-Za-z0-9\-._~,%;=]/ },
  '?': { first: '?', allowed: /[^#\s]/ },
  '&': { first: '&', allowed: /[^#\s]/ },
}

/** The templates that were used last: each update is compared with all selectors of a stream. */
const remembered = new Map<string, readonly Part[]>()

/** Tells whether one of the selectors selects one of the topics. */
export function selectsAny(selectors: readonly string[], topics: readonly string[]): boolean {
  return topics.some((topic) => selectors.some((selector) => selects(selector, topic)))
}

/** Tells whether each of the topics is selected by one of the selectors. */
export function selectsAll(selectors: readonly string[], topics: readonly string[]): boolean {
  return topics.every((topic) => selectors.some((selector) => selects(selector, topic)))
}

/** Tells whether a selector is short and simple enough to be compared with every update. */
export function isSelector(selector: string): boolean {
  const variables = selector.match(/\{/g)?.length ?? 0
  return selector !== '' && selector.length <= SELECTOR_CHARACTERS_MAX && variables <= VARIABLES_MAX
}

function selects(selector: string, topic: string): boolean {
  if (selector === '*' || selector === topic) return true
  if (!selector.includes('{') || !isSelector(selector) || topic.length > TOPIC_CHARACTERS_MAX) return false
  return expandsTo(partsOf(selector), topic)
}

function partsOf(template: string): readonly Part[] {
  const known = remembered.get(template)
  if (known !== undefined) return known
  if (remembered.size >= REMEMBERED_MAX) remembered.clear()
  const parts = template.split(/(\{[^{}]*\})/).filter((part) => part !== '')
  const made = parts.map((part) => (/^\{.*\}$/.test(part) ? variableOf(part) : part))
  remembered.set(template, made)
  return made
}

function variableOf(expression: string): Variable {
  return OPERATORS[expression.charAt(1)] ?? { first: undefined, allowed: PLAIN }
}

function expandsTo(parts: readonly Part[], topic: string): boolean {
  // A flag for each place in the topic where the parts so far may end.
  let ends = new Uint8Array(topic.length + 1)
  ends[0] = 1
  for (const part of parts) ends = typeof part === 'string' ? behindText(ends, topic, part) : behind(ends, topic, part)
  return ends[topic.length] === 1
}

function behindText(ends: Uint8Array, topic: string, text: string): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(ends.length)
  for (let i = 0; i + text.length < ends.length; i++)
    if (ends[i] === 1 && topic.startsWith(text, i)) next[i + text.length] = 1
  return next
}

function behind(ends: Uint8Array, topic: string, { allowed, first }: Variable): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(ends)
  let isWithin = false
  for (let i = 0; i < topic.length; i++) {
    const character = topic.charAt(i)
    const begins = ends[i] === 1 && (first === undefined ? allowed.test(character) : character === first)
    isWithin = begins || (isWithin && allowed.test(character))
    if (isWithin) next[i + 1] = 1
  }
  return next
}
