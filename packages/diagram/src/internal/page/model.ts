/**
 * What the page shows, and the questions it asks of its data. It runs in the page, see `draw.ts`.
 */
import type { Kind } from "../../Chart.js"
import type { PageData } from "./data.js"

export interface Filter {
  text: string
  /** Those that are not shown. */
  readonly kinds: Set<string>
  /** The only ones that are shown, unless there are none. -1 stands for what is in no transaction. */
  readonly transactions: Set<number>
  readonly objects: Set<number>
}

export interface Known {
  readonly step: number
  readonly life: "none" | "alive" | "destroyed"
  readonly controller: string | undefined
  readonly machine: string | undefined
  readonly state: string | undefined
  readonly tx: number
  readonly holds: ReadonlyArray<number>
}

export interface Model {
  readonly data: PageData
  readonly count: number
  readonly filter: Filter
  /** The steps that pass the filter. */
  shown: ReadonlyArray<number>
  /** The step that time has come to. */
  cursor: number
  /** A lifeline, or -1. */
  selected: number
  group: number
  readonly kind: (step: number) => Kind
  readonly label: (step: number) => string
  readonly fields: (step: number) => ReadonlyArray<readonly [name: string, value: string]>
  readonly name: (line: number) => string
  readonly known: (line: number, step: number) => Known
  /** The steps of the changes of a lifeline, without its beginning. */
  readonly changes: (line: number) => ReadonlyArray<number>
  /** Those of them that are after one step, and not after another. */
  readonly between: (line: number, after: number, last: number) => ReadonlyArray<number>
  /** Where a step is among those that are shown: the first one that is not before it. */
  readonly position: (step: number) => number
  readonly refresh: () => void
  /** What the activations and transactions have in common with some steps. */
  readonly activations: (
    first: number,
    last: number,
    each: (line: number, level: number, begin: number, end: number) => void
  ) => void
  readonly transactions: (first: number, last: number, each: (tx: number) => void) => void
}

export const makeModel = (data: PageData): Model => {
  const { steps, texts } = data
  const count = steps.kind.length
  const width = 7
  const filter: Filter = { text: "", kinds: new Set(), transactions: new Set(), objects: new Set() }
  const textOf = (index: number): string | undefined => index === -1 ? undefined : texts[index]

  /** Where the last change is that is not after a step. */
  const lastChange = (changes: ReadonlyArray<number>, step: number): number => {
    let low = 0
    let high = changes.length / width - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (changes[middle * width] <= step) low = middle
      else high = middle - 1
    }
    return low * width
  }
  const known = (line: number, step: number): Known => {
    const { changes } = data.lines[line]
    const at = lastChange(changes, step)
    return {
      step: changes[at],
      life: data.lives[changes[at + 1]],
      controller: textOf(changes[at + 2]),
      machine: textOf(changes[at + 3]),
      state: textOf(changes[at + 4]),
      tx: changes[at + 5],
      holds: changes[at + 6] === -1 ? [] : data.holds[changes[at + 6]]
    }
  }
  const between = (line: number, after: number, last: number): ReadonlyArray<number> => {
    const { changes } = data.lines[line]
    const found: Array<number> = []
    for (let at = lastChange(changes, after) + width; at < changes.length && changes[at] <= last; at += width) {
      found.push(changes[at])
    }
    return found
  }
  const changesOf = (line: number): ReadonlyArray<number> =>
    data.lines[line].changes.filter((_, index) => index % width === 0 && index > 0)

  const isBracket = (step: number): boolean => {
    const kind = data.kinds[steps.kind[step]]
    return kind === "begin" || kind === "commit" || kind === "abort"
  }

  const model: Model = {
    data,
    count,
    filter,
    shown: [],
    cursor: count - 1,
    selected: -1,
    group: data.options.group === "controller" ? 0 : 1,
    // The kinds are those of a chart.
    kind: (step) => data.kinds[steps.kind[step]] as Kind,
    label: (step) => texts[steps.label[step]],
    fields: (step) => {
      const indexes = data.fields[steps.fields[step]]
      const found: Array<readonly [string, string]> = []
      for (let index = 0; index + 1 < indexes.length; index += 2) {
        found.push([texts[indexes[index]], texts[indexes[index + 1]]])
      }
      return found
    },
    name: (line) => {
      if (line === -1) return "not recorded"
      const { id, title } = data.lines[line]
      return id === "" ? title : `${title} ${id}`
    },
    known,
    changes: changesOf,
    between,
    position: (step) => {
      let low = 0
      let high = model.shown.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (model.shown[middle] < step) low = middle + 1
        else high = middle
      }
      return low
    },
    refresh: () => {
      const sought = filter.text.toLowerCase()
      const matches = sought === "" ? undefined : texts.map((text) => text.toLowerCase().includes(sought))
      const lines = data.lines.map(({ id, title }) => `${title} ${id}`.toLowerCase().includes(sought))
      const fieldsMatch = matches === undefined
        ? undefined
        // Values only: every step has the same names.
        : data.fields.map((indexes) => indexes.some((text, index) => index % 2 === 1 && matches[text]))
      const narrowed = sought !== "" || filter.objects.size > 0
      const withSteps = new Set<number>()
      const passes = (step: number): boolean => {
        if (filter.kinds.has(data.kinds[steps.kind[step]])) return false
        if (filter.transactions.size > 0 && !filter.transactions.has(steps.tx[step])) return false
        if (isBracket(step)) return true
        const { from, to } = steps
        if (filter.objects.size > 0 && !filter.objects.has(from[step]) && !filter.objects.has(to[step])) return false
        if (matches === undefined || fieldsMatch === undefined) return true
        return matches[steps.label[step]] || fieldsMatch[steps.fields[step]] ||
          (from[step] !== -1 && lines[from[step]]) || (to[step] !== -1 && lines[to[step]])
      }
      const passing: Array<number> = []
      for (let step = 0; step < count; step++) {
        if (!passes(step)) continue
        passing.push(step)
        if (!isBracket(step)) withSteps.add(steps.tx[step])
      }
      // A bracket around nothing that is looked for is left out.
      model.shown = narrowed ? passing.filter((step) => !isBracket(step) || withSteps.has(steps.tx[step])) : passing
    },
    activations: (first, last, each) => {
      const all = data.activations
      for (let index = lowest(ends, first); index < ends.length && all[index * 4 + 2] <= last; index++) {
        const at = index * 4
        if (all[at + 3] >= first) each(all[at], all[at + 1], all[at + 2], all[at + 3])
      }
    },
    transactions: (first, last, each) => {
      for (let index = lowest(txEnds, first); index < txOrder.length; index++) {
        const { begin, end } = data.transactions[txOrder[index]]
        if (begin > last) break
        if (end >= first) each(txOrder[index])
      }
    }
  }

  /** The latest end so far: it rises, so that the first interval that can reach a step is found by halving. */
  const rising = (length: number, end: (index: number) => number): ReadonlyArray<number> => {
    const found: Array<number> = []
    let latest = -1
    for (let index = 0; index < length; index++) found.push(latest = Math.max(latest, end(index)))
    return found
  }
  const lowest = (ends: ReadonlyArray<number>, step: number): number => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle] < step) low = middle + 1
      else high = middle
    }
    return low
  }
  const ends = rising(data.activations.length / 4, (index) => data.activations[index * 4 + 3])
  const txOrder = data.transactions.map((_, tx) => tx).sort((a, b) =>
    data.transactions[a].begin - data.transactions[b].begin
  )
  const txEnds = rising(txOrder.length, (index) => data.transactions[txOrder[index]].end)

  model.refresh()
  return model
}
