/**
 * The right side of the page: the step that time has come to, and each object's state then. It runs in the page, see
 * `draw.ts`.
 */
import type { Dom } from "./dom.js"
import type { Model } from "./model.js"

export interface Inspector {
  readonly render: () => void
  /** What is shown where the mouse rests. */
  readonly describe: (step: number) => ReadonlyArray<HTMLElement>
}

export const makeInspector = (
  dom: Dom,
  model: Model,
  act: { readonly select: (line: number) => void; readonly goTo: (step: number) => void }
): Inspector => {
  const { data } = model
  /** More are found by selecting them, or by the filter. */
  const maxListed = 150

  const table = (rows: ReadonlyArray<readonly [name: string, value: string]>): HTMLElement =>
    dom.make(
      "dl",
      {},
      ...rows.flatMap(([name, value]) => [dom.make("dt", {}, name), dom.make("dd", {}, value === "" ? "none" : value)])
    )

  const describe = (step: number): ReadonlyArray<HTMLElement> => {
    const { from, time, to, tx } = data.steps
    const kind = model.kind(step)
    const ends = kind === "begin" || kind === "commit" || kind === "abort"
      ? data.transactions[tx[step]].id
      : from[step] === to[step]
      ? model.name(to[step])
      : kind === "call" || kind === "reply" || kind === "send" || from[step] !== -1
      ? `${model.name(from[step])} → ${model.name(to[step])}`
      : model.name(to[step])
    return [
      dom.make(
        "p",
        { class: "what" },
        dom.make("i", { class: `swatch ${kind}` }),
        dom.make("b", {}, kind),
        dom.make("span", {}, ends)
      ),
      table([
        ...model.fields(step),
        ...(tx[step] === -1 || ends === data.transactions[tx[step]].id
          ? []
          : [["transaction", data.transactions[tx[step]].id] as const]),
        ...(data.executions.length > 1 ? [["execution", data.executions[data.steps.execution[step]]] as const] : []),
        ["time", String(time[step])]
      ])
    ]
  }

  const button = (words: string, title: string, disabled: boolean, click: () => void): HTMLElement => {
    const made = dom.make("button", { type: "button", title, "aria-label": title }, words)
    if (made instanceof HTMLButtonElement) made.disabled = disabled
    made.addEventListener("click", click)
    return made
  }

  /** An object's own card: all of its state, and the way through its changes. */
  const selected = (line: number): HTMLElement => {
    const { controller, holds, life, machine, state, step, tx } = model.known(line, model.cursor)
    const changes = model.changes(line)
    const before = changes.filter((step) => step < model.cursor)
    const next = changes.find((step) => step > model.cursor)
    return dom.make(
      "section",
      { class: "card", "data-card": String(line) },
      dom.make(
        "header",
        {},
        dom.make("b", {}, model.name(line)),
        button("✕", "Close", false, () => act.select(-1))
      ),
      table([
        ["state", life === "alive" ? state ?? "not known" : life === "none" ? "not there yet" : "destroyed"],
        ["controller", controller ?? "not known"],
        ["machine", machine ?? "not known"],
        ...(tx === -1 ? [] : [["pending in", data.transactions[tx].id] as const]),
        ["since", step === -1 ? "before the first step" : `step ${step + 1}`]
      ]),
      dom.make(
        "p",
        { class: "links" },
        ...holds.slice(0, 30).map((target) => {
          const link = dom.make("button", { type: "button", class: "link" }, `→ ${model.name(target)}`)
          link.addEventListener("click", () => act.select(target))
          return link
        })
      ),
      dom.make(
        "p",
        { class: "links" },
        button("◂ change", "To its change before", before.length === 0, () => act.goTo(before[before.length - 1])),
        button("change ▸", "To its next change", next === undefined, () => act.goTo(next ?? model.cursor))
      )
    )
  }

  const states = (): Array<HTMLElement> => {
    const filtered = model.filter.objects
    const lines = data.lines.flatMap(({ kind }, line) => {
      if (kind === "mentioned" || (filtered.size > 0 && !filtered.has(line))) return []
      const known = model.known(line, model.cursor)
      // A program counts only if it has a state (A11).
      return kind === "program" && known.state === undefined ? [] : [{ line, known }]
    })
    // What has changed last comes first once not all can be listed.
    if (lines.length > maxListed) lines.sort((a, b) => b.known.step - a.known.step)
    const listed = lines.slice(0, maxListed)
    const rows = listed.map(({ known: { life, state, step, tx }, line }) => {
      const words = life === "alive" ? state ?? "not known" : life === "none" ? "not there yet" : "destroyed"
      const row = dom.make(
        "button",
        {
          type: "button",
          class: `fact ${life}${step === model.cursor && step >= 0 ? " changed" : ""}${
            line === model.selected ? " selected" : ""
          }`,
          "data-state": String(line)
        },
        dom.make("b", {}, model.name(line)),
        dom.make("code", {}, words.length > 140 ? `${words.slice(0, 139)}…` : words),
        ...(tx === -1 ? [] : [dom.make("em", {}, `pending in ${data.transactions[tx].id}`)])
      )
      row.addEventListener("click", () => act.select(line))
      return row
    })
    if (lines.length > listed.length) {
      rows.push(
        dom.make("p", { class: "hint" }, `${lines.length - listed.length} more: those that changed last are here`)
      )
    }
    if (lines.length === 0) rows.push(dom.make("p", { class: "hint" }, "no objects"))
    return rows
  }

  const render = (): void => {
    const { cursor, selected: line } = model
    dom.replace(
      dom.find("now"),
      cursor < 0
        ? [dom.make("p", { class: "hint" }, model.count === 0 ? "The trace has no entries." : "Before the first step.")]
        : describe(cursor)
    )
    dom.replace(dom.find("selected"), line === -1 ? [] : [selected(line)])
    dom.replace(dom.find("states"), states())
    dom.find("states").querySelector(".changed")?.scrollIntoView({ block: "nearest" })
  }

  return { render, describe }
}
