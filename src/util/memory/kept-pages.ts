// Pages of something that grows, of which earlier states may be kept.
//
// `keep` hands out the pages as they are: from then on nobody writes to one of
// them. Whoever is going to write asks `writable`, which puts a copy in the place
// of a page that is kept. So a state costs what is written after it, in pages.

import { CHECKED } from '../invariant.ts'
import { happened } from '../restless.ts'

export class KeptPages<Page extends { slice(): Page }> {
  /** The pages, to be read; always the same array. */
  readonly list: Page[] = []
  /** Page → whether an earlier state has it too; null while none is kept, so that a writer sees it at a glance. */
  #kept: boolean[] | null = null

  /** Returns a page that may be written to. */
  writable(index: number): Page {
    if (this.#kept !== null && this.#kept[index]!) {
      if (CHECKED) happened('page copied for an era')
      this.#kept[index] = false
      this.list[index] = this.list[index]!.slice()
    }
    return this.list[index]!
  }

  push(page: Page): void {
    this.list.push(page)
    this.#kept?.push(false)
  }

  /** Puts another page in the place of one. */
  replace(index: number, page: Page): void {
    this.list[index] = page
    if (this.#kept !== null) this.#kept[index] = false
  }

  /** Lets go of the pages from `length` on. */
  truncate(length: number): void {
    if (this.list.length <= length) return
    this.list.length = length
    if (this.#kept !== null) this.#kept.length = length
  }

  /** Returns the pages as they are, which nobody writes to any more. */
  keep(): readonly Page[] {
    this.#kept = this.list.map(() => true)
    return this.list.slice()
  }

  /** Puts kept pages in the place of all; they stay kept. */
  restore(pages: readonly Page[]): void {
    this.list.length = 0
    for (const page of pages) this.list.push(page)
    this.#kept = pages.map(() => true)
  }

  /** Says that nobody has an earlier state any more: all pages may be written to. */
  forget(): void {
    this.#kept = null
  }
}
