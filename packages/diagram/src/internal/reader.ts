/**
 * Reads a recording into a chart: puts the beginnings of calls where they belong, finds the transaction of each entry,
 * and keeps the book of what is known of each object.
 */
import type { Val } from "@effect-avm/core/Val"
import * as Option from "effect/Option"
import type * as Chart from "../Chart.js"
import type { Entry, Known, Recording } from "../Recording.js"
import { type Facts, Ledger, nothing } from "./facts.js"
import { collect, type Collected, type Item } from "./items.js"
import { whole } from "./options.js"
import { passage, plural, references } from "./text.js"
import { fieldsOf, kindOf, labelOf, named } from "./wording.js"

/** Parts of a state that are searched for references. */
const maxParts = 10_000

export const read = (recording: Recording, options: Chart.Options): Chart.Chart => {
  const reader = new Reader(recording, options)
  reader.run()
  return reader.chart()
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

interface Line {
  readonly id: string
  kind: Chart.Lifeline["kind"]
  title: string | undefined
}

/** Its words are made when they are asked for. */
class Step implements Chart.Step {
  pair = -1
  constructor(
    readonly kind: Chart.Kind,
    private readonly source: Entry,
    readonly entry: number,
    readonly execution: number,
    readonly from: number,
    readonly to: number,
    readonly tx: number,
    private readonly maxPayload: number
  ) {}
  get timestamp(): number {
    return this.source.timestamp
  }
  get label(): string {
    return labelOf(this.source, this.kind)
  }
  get fields(): Chart.Step["fields"] {
    return fieldsOf(this.source, this.maxPayload)
  }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

class Reader {
  private readonly maxPayload: number

  private readonly collected: Collected
  private readonly executions: ReadonlyArray<string>
  private readonly items: ReadonlyArray<Item>
  private readonly known = new Map<string, Known>()
  private readonly roots: Array<string | undefined> = []

  private readonly lines: Array<Line> = []
  private readonly lineOf = new Map<string, number>()
  private readonly programs = new Map<number, number>()
  private readonly ledger: Ledger

  private readonly transactions: Array<Mutable<Chart.Transaction>> = []
  private readonly transactionOf = new Map<string, number>()
  /** Of each execution, in the order in which they were begun. */
  private readonly open: ReadonlyArray<Set<number>>
  /** The objects that were created in a transaction without a controller yet (D1). */
  private readonly newborn = new Map<number, Array<number>>()

  private readonly steps: Array<Step> = []

  constructor(private readonly recording: Recording, options: Chart.Options) {
    this.maxPayload = whole("maxPayload", options.maxPayload, 10_000)
    this.ledger = new Ledger(this.maxPayload)
    this.collected = collect(recording, whole("maxEntries", options.maxEntries, 1_000_000))
    this.executions = this.collected.executions
    this.items = this.collected.items
    this.open = this.executions.map(() => new Set())
  }

  run(): void {
    for (const known of this.recording.objects ?? []) this.known.set(known.id.value, known)
    this.findRoots()
    this.executions.forEach((_, execution) => this.program(execution))
    const begins = this.begins()
    const next = this.executions.map(() => 0)
    for (let index = 0; index < this.items.length; index++) {
      const item = this.items[index]
      const starting = begins[item.execution]
      while (next[item.execution] < starting.length) {
        const start = starting[next[item.execution]]
        if (start.since > item.entry.timestamp) break
        next[item.execution]++
        this.beginCall(start.index)
      }
      this.step(index)
    }
    for (const id of this.known.keys()) this.object(id)
  }

  chart(): Chart.Chart {
    return {
      title: passage(this.recording.title ?? "Trace", 200),
      executions: this.executions.map(named),
      lifelines: this.lines.map((line, index): Chart.Lifeline => {
        const changes = this.ledger.changes(index)
        return {
          id: named(line.id),
          kind: line.kind,
          title: line.title === undefined ? undefined : named(line.title),
          controller: changes.find(({ controller }) => controller !== undefined)?.controller,
          machine: changes.find(({ machine }) => machine !== undefined)?.machine,
          changes
        }
      }),
      transactions: this.transactions,
      steps: this.steps,
      entries: this.collected.entries,
      notes: this.notes()
    }
  }

  // -------------------------------------------------------------------------
  // before the first step
  // -------------------------------------------------------------------------

  /** The root id of a program, if nobody says it: what acts, and is never created, called or sent to. */
  private findRoots(): void {
    const objects = new Set([...this.collected.created, ...this.known.keys()])
    for (const { entry: { event } } of this.items) {
      if (event._tag === "ObjectCalled" || event._tag === "MessageReceived") objects.add(event.id.value)
      else if (event._tag === "MessageSent") objects.add(event.to.value)
    }
    for (const { entry, execution } of this.items) {
      const by = entry.detail?.by?.value
      if (by !== undefined && this.roots[execution] === undefined && !objects.has(by)) this.roots[execution] = by
    }
    for (const program of this.recording.programs ?? []) {
      const execution = program.execution === "" ? 0 : this.executions.indexOf(program.execution)
      if (program.root !== undefined && execution >= 0) this.roots[execution] = program.root.value
    }
  }

  /** For each execution the calls whose beginning was recorded, in the order in which they began. */
  private begins(): ReadonlyArray<ReadonlyArray<{ readonly since: number; readonly index: number }>> {
    const begins = this.executions.map((): Array<{ readonly since: number; readonly index: number }> => [])
    this.items.forEach(({ entry, execution }, index) => {
      const since = entry.detail?.since
      if (entry.event._tag === "ObjectCalled" && since !== undefined) {
        begins[execution].push({ since: Math.min(since, entry.timestamp), index })
      }
    })
    // Of those that began between the same entries, the outer ones ended later.
    for (const of of begins) of.sort((a, b) => a.since - b.since || b.index - a.index)
    return begins
  }

  // -------------------------------------------------------------------------
  // lifelines
  // -------------------------------------------------------------------------

  private line(key: string, line: Line, facts = nothing): number {
    const index = this.lines.push(line) - 1
    this.lineOf.set(key, index)
    this.ledger.add(facts)
    return index
  }

  private program(execution: number): number {
    const there = this.programs.get(execution)
    if (there !== undefined) return there
    const root = this.roots[execution]
    const name = this.executions[execution]
    const program = this.recording.programs?.find((program) =>
      program.execution === name || (execution === 0 && program.execution === "")
    )
    const title = program?.name ?? (this.executions.length > 1 ? `program ${execution + 1}` : "program")
    const index = this.line(root ?? `\u0000${execution}`, { id: root ?? name, kind: "program", title })
    this.programs.set(execution, index)
    return index
  }

  private object(id: string, kind: "object" | "mentioned" = "object"): number {
    const there = this.lineOf.get(id)
    if (there !== undefined) {
      if (kind === "object" && this.lines[there].kind === "mentioned") this.lines[there].kind = kind
      return there
    }
    const known = this.known.get(id)
    const made = this.collected.created.has(id)
    const line: Line = { id, kind: known === undefined ? kind : "object", title: known?.behaviour }
    if (made) return this.line(id, line, { ...nothing, life: "none" })
    const index = this.line(id, line, { ...nothing, controller: known?.controller, machine: known?.machine })
    if (known?.state !== undefined) this.ledger.learn(index, this.stateOf(known.state))
    return index
  }

  private stateOf(value: Val): Pick<Facts, "value" | "holds"> {
    return { value, holds: references(value, maxParts).map((id) => this.object(id, "mentioned")) }
  }

  // -------------------------------------------------------------------------
  // transactions
  // -------------------------------------------------------------------------

  private transaction(execution: number, id: string): number {
    const key = `${execution}\u0000${id}`
    const there = this.transactionOf.get(key)
    if (there !== undefined) return there
    const tx = this.transactions.push({
      id: named(id),
      execution,
      begin: -1,
      end: -1,
      outcome: "open",
      controller: undefined
    }) - 1
    this.transactionOf.set(key, tx)
    this.ledger.begin(tx)
    this.open[execution].add(tx)
    return tx
  }

  /**
   * The transaction that an entry is part of: as recorded, else the only one that is open in its execution and can be its
   * by the controllers (A10). Where several can be, none is.
   */
  private membership({ entry, execution }: Item): number {
    if (entry.detail?.tx !== undefined) return this.transaction(execution, entry.detail.tx)
    if (this.open[execution].size === 0) return -1
    const controller = Option.getOrUndefined(entry.executingController)
    let found = -1
    for (const tx of this.open[execution]) {
      const own = this.transactions[tx].controller
      if (own !== undefined && own !== controller) continue
      if (found !== -1) return -1
      found = tx
    }
    return found
  }

  private resolve(tx: number, entry: Entry): void {
    if (tx === -1 || this.transactions[tx].controller !== undefined) return
    this.transactions[tx].controller = Option.getOrUndefined(Option.map(entry.executingController, named))
  }

  private finish(tx: number, step: number, committed: boolean): void {
    const transaction = this.transactions[tx]
    for (const object of this.newborn.get(tx) ?? []) {
      if (committed && this.ledger.facts(object).controller === undefined && transaction.controller !== undefined) {
        this.ledger.set(object, step, tx, { controller: transaction.controller })
      }
    }
    this.newborn.delete(tx)
    this.ledger.end(tx, step, committed)
    this.open[transaction.execution].delete(tx)
    transaction.end = step
    transaction.outcome = committed ? "committed" : "aborted"
  }

  // -------------------------------------------------------------------------
  // steps
  // -------------------------------------------------------------------------

  private beginCall(index: number): void {
    const item = this.items[index]
    const { entry, execution } = item
    if (entry.event._tag !== "ObjectCalled") return
    const tx = this.membership(item)
    this.resolve(tx, entry)
    const { by } = entry.detail ?? {}
    const from = by === undefined ? -1 : this.actor(execution, by.value)
    const to = this.object(entry.event.id.value)
    item.begun = this.push("call", index, item, from, to, tx)
  }

  private push(kind: Chart.Kind, index: number, item: Item, from: number, to: number, tx: number): number {
    return this.steps.push(new Step(kind, item.entry, index, item.execution, from, to, tx, this.maxPayload)) - 1
  }

  private actor(execution: number, id: string): number {
    return id === this.roots[execution] ? this.program(execution) : this.object(id)
  }

  private step(index: number): void {
    const item = this.items[index]
    const { entry, execution } = item
    const { event } = entry
    if (event._tag === "ObjectCalled") return this.reply(index)
    const by = entry.detail?.by
    const step = this.steps.length
    let from = by === undefined ? -1 : this.actor(execution, by.value)
    let to = -1
    const tx = event._tag === "TransactionStarted" || event._tag === "TransactionCommitted" ||
        event._tag === "TransactionAborted"
      ? this.transaction(execution, event.tx)
      : event._tag === "ErrorOccurred"
      ? -1
      : this.membership(item)
    this.resolve(tx, entry)
    switch (event._tag) {
      case "ObjectCreated":
        to = this.object(event.id.value)
        this.lines[to].title = event.behaviour
        this.create(to, step, tx, entry)
        break
      case "ObjectDestroyed":
        to = this.owned(event.id.value, entry)
        this.ledger.set(to, step, tx, { life: "destroyed", value: undefined, holds: [] })
        break
      case "MessageSent":
        from = this.actor(execution, event.from.value)
        to = this.object(event.to.value)
        break
      case "MessageReceived":
        to = this.object(event.id.value)
        break
      case "StateUpdated": {
        to = from = this.actor(execution, event.id.value)
        const state = entry.detail?.state
        this.ledger.set(to, step, tx, state === undefined ? { value: undefined, holds: [] } : this.stateOf(state))
        break
      }
      case "ObjectMoved":
        to = this.owned(event.id.value, entry)
        if (this.ledger.facts(to).machine === undefined) this.ledger.learn(to, { machine: named(event.from) })
        this.ledger.set(to, step, tx, { machine: named(event.to) })
        break
      case "ObjectFetched":
        to = this.owned(event.id.value, entry)
        break
      case "ObjectTransferred": {
        to = this.object(event.id.value)
        const before = Option.getOrUndefined(event.from)
        if (before !== undefined) this.learnController(to, named(before))
        this.ledger.set(to, step, tx, { controller: named(event.to) })
        break
      }
      case "ObjectFrozen":
        to = this.object(event.id.value)
        this.learnController(to, named(event.controller))
        break
      case "ExecutionMoved":
        to = from
        break
      case "FunctionRegistered":
      case "FunctionUpdated":
        to = from
        break
      case "TransactionStarted":
        this.transactions[tx].begin = step
        break
      case "TransactionCommitted":
      case "TransactionAborted":
        this.finish(tx, step, event._tag === "TransactionCommitted")
        break
      case "ErrorOccurred":
        to = from = by === undefined ? this.program(execution) : from
    }
    this.push(kindOf(entry), index, item, from, to, tx)
  }

  private reply(index: number): void {
    const item = this.items[index]
    const { entry } = item
    if (item.begun === -1) this.beginCall(index)
    const call = this.steps[item.begun]
    this.owned(this.lines[call.to].id, entry, call.to)
    const step = this.push("reply", index, item, call.to, call.from, call.tx)
    this.steps[step].pair = item.begun
    call.pair = step
  }

  private create(object: number, step: number, tx: number, entry: Entry): void {
    const detail = entry.detail ?? {}
    const known = this.known.get(this.lines[object].id)
    const controller = detail.controller ?? known?.controller ??
      Option.getOrUndefined(entry.executingController)
    const machine = detail.machine ?? known?.machine
    const state = detail.state ?? known?.state
    this.ledger.set(object, step, tx, {
      life: "alive",
      controller: controller === undefined ? undefined : named(controller),
      machine: machine === undefined ? undefined : named(machine),
      ...(state === undefined ? {} : this.stateOf(state))
    })
    if (controller === undefined && tx !== -1) {
      this.newborn.set(tx, [...this.newborn.get(tx) ?? [], object])
    }
  }

  /** An object that is touched in a transaction belongs to its controller (D11), if nothing else is known. */
  private owned(id: string, entry: Entry, object = this.object(id)): number {
    const controller = Option.getOrUndefined(entry.executingController)
    if (controller !== undefined && this.ledger.facts(object).life === "alive") {
      this.learnController(object, named(controller))
    }
    return object
  }

  private learnController(object: number, controller: string): void {
    if (this.ledger.facts(object).controller === undefined) this.ledger.learn(object, { controller })
  }

  // -------------------------------------------------------------------------
  // notes
  // -------------------------------------------------------------------------

  private notes(): ReadonlyArray<string> {
    const notes: Array<string> = []
    const left = this.collected.entries - this.items.length
    if (left > 0) {
      notes.push(
        `${plural(left, "entry", "entries")} of ${plural(this.collected.entries, "entry", "entries")} left out`
      )
    }
    const calls = this.steps.filter(({ kind }) => kind === "call")
    const callers = calls.filter(({ from }) => from === -1).length
    if (callers > 0) {
      notes.push(`the caller of ${plural(callers, "call")} was not recorded`)
    }
    const begins = calls.filter(({ entry }) => this.items[entry].entry.detail?.since === undefined).length
    if (begins > 0) {
      notes.push(
        `when ${plural(begins, "call")} began was not recorded: drawn where ${begins === 1 ? "it" : "they"} ended`
      )
    }
    const states =
      this.items.filter(({ entry: { detail, event } }) => event._tag === "StateUpdated" && detail?.state === undefined)
        .length
    if (states > 0) notes.push(`the value of ${plural(states, "state")} was not recorded`)
    if (this.collected.unplaced > 0) notes.push(`${plural(this.collected.unplaced, "detail")} belonged to no entry`)
    return notes
  }
}
