/**
 * The left side of the page: what is shown. It runs in the page, see `draw.ts`.
 */
import type { Dom } from "./dom.js"
import type { Model } from "./model.js"

export interface Filters {
  readonly render: () => void
  readonly clear: () => void
}

export const makeFilters = (dom: Dom, model: Model, changed: () => void): Filters => {
  const { data, filter } = model
  /** More are found by searching. */
  const maxListed = 200
  const found = { transactions: "", objects: "" }

  const usage = new Map<string, number>()
  for (const kind of data.steps.kind) {
    const name = data.kinds[kind]
    usage.set(name, (usage.get(name) ?? 0) + 1)
  }

  const toggle = <A>(set: Set<A>, item: A): void => {
    if (!set.delete(item)) set.add(item)
    changed()
    render()
  }

  const kinds = (): Array<HTMLElement> =>
    [...usage].map(([kind, count]) => {
      const on = !filter.kinds.has(kind)
      const chip = dom.make(
        "button",
        { class: "chip", type: "button", "aria-pressed": String(on), "data-kind": kind },
        dom.make("i", { class: `swatch ${kind}` }),
        kind,
        dom.make("small", {}, String(count))
      )
      chip.addEventListener("click", () => toggle(filter.kinds, kind))
      return chip
    })

  /** A list of things to choose from: nothing chosen is everything. */
  const choices = (
    name: "transactions" | "objects",
    items: ReadonlyArray<{ readonly index: number; readonly words: string; readonly mark: string }>
  ): Array<HTMLElement> => {
    const sought = found[name].toLowerCase()
    const set = filter[name]
    const fitting = items.filter(({ index, words }) => set.has(index) || words.toLowerCase().includes(sought))
    const listed = fitting.slice(0, maxListed)
    const rows = listed.map(({ index, mark, words }) => {
      const box = dom.make("input", { type: "checkbox", "data-choice": `${name}:${index}` })
      if (box instanceof HTMLInputElement) box.checked = set.has(index)
      box.addEventListener("change", () => toggle(set, index))
      return dom.make(
        "label",
        { class: "choice", title: words },
        box,
        dom.make("i", { class: `swatch ${mark}` }),
        words
      )
    })
    const left = fitting.length - listed.length
    if (left > 0) rows.push(dom.make("p", { class: "hint" }, `${left} more: search for them`))
    if (fitting.length === 0) rows.push(dom.make("p", { class: "hint" }, "none"))
    return rows
  }

  const render = (): void => {
    dom.replace(dom.find("kinds"), kinds())
    dom.replace(
      dom.find("transactions"),
      choices("transactions", [
        ...(data.transactions.length === 0 ? [] : [{ index: -1, words: "outside transactions", mark: "" }]),
        ...data.transactions.map(({ controller, id, outcome }, index) => ({
          index,
          words: `${id}${controller === "" ? "" : ` · ${controller}`} · ${outcome}`,
          mark: outcome
        }))
      ])
    )
    dom.replace(
      dom.find("objects"),
      choices(
        "objects",
        data.lines.flatMap(({ kind }, index) =>
          kind === "mentioned" ? [] : [{ index, words: model.name(index), mark: kind }]
        )
      )
    )
    dom.find("shown").textContent = model.shown.length === model.count
      ? `all ${model.count} steps`
      : `${model.shown.length} of ${model.count} steps`
  }

  const text = dom.input("search")
  text.addEventListener("input", () => {
    filter.text = text.value
    changed()
    render()
  })
  for (const name of ["transactions", "objects"] as const) {
    const box = dom.input(`${name}-search`)
    box.hidden = (name === "objects" ? data.lines : data.transactions).length < 12
    box.addEventListener("input", () => {
      found[name] = box.value
      render()
    })
  }
  const clear = (): void => {
    text.value = filter.text = ""
    for (const set of [filter.kinds, filter.transactions, filter.objects]) set.clear()
    changed()
    render()
  }
  dom.find("clear").addEventListener("click", clear)

  return { render, clear }
}
