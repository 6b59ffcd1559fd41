// Texts with variables in braces: `{title} {port}`; `{{` is a brace.

/**
 * Replaces variables by their values; undefined when a brace is not closed, or `lookUp` does not
 * know a name.
 */
export function fillTemplate(template: string, lookUp: (name: string) => string | undefined): string | undefined {
  let filled = ''
  let at = 0
  while (true) {
    const open = template.indexOf('{', at)
    if (open === -1) return filled + template.slice(at)
    filled += template.slice(at, open)
    if (template[open + 1] === '{') {
      filled += '{'
      at = open + 2
      continue
    }
    const close = template.indexOf('}', open)
    const value = close === -1 ? undefined : lookUp(template.slice(open + 1, close))
    if (value === undefined) return undefined
    filled += value
    at = close + 1
  }
}
