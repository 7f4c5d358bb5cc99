/**
 * What is known of each object as a trace goes on: what is committed, and what open transactions have changed, which an
 * abort takes back.
 */
import type { Val } from "@effect-avm/core/Val"
import type { Change } from "../Chart.js"
import { show } from "./text.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export interface Facts {
  readonly life: Change["life"]
  readonly controller: string | undefined
  readonly machine: string | undefined
  /** The state, which is printed when somebody asks for it. */
  readonly value: Val | undefined
  readonly holds: ReadonlyArray<number>
}

/** A change as the chart has it. */
export class Known implements Change, Facts {
  constructor(
    readonly step: number,
    readonly life: Change["life"],
    readonly controller: string | undefined,
    readonly machine: string | undefined,
    readonly value: Val | undefined,
    readonly holds: ReadonlyArray<number>,
    readonly tx: number,
    private readonly maxPayload: number
  ) {}
  get state(): string | undefined {
    return this.value === undefined ? undefined : show(this.value, this.maxPayload)
  }
}

export const nothing: Facts = {
  life: "alive",
  controller: undefined,
  machine: undefined,
  value: undefined,
  holds: []
}

interface Entity {
  committed: Facts
  /** Oldest first: the last one is shown. */
  pending: Map<number, Partial<Facts>> | undefined
  readonly changes: Array<Known>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export class Ledger {
  private readonly objects: Array<Entity> = []
  /** The objects that each open transaction has changed. */
  private readonly touched = new Map<number, Set<number>>()

  constructor(private readonly maxPayload: number) {}

  /** An object as it was before the first step. Objects are numbered in this order. */
  add(facts: Facts): void {
    this.objects.push({ committed: facts, pending: undefined, changes: [this.known(-1, facts, -1)] })
  }

  facts(object: number): Known {
    const { changes } = this.objects[object]
    return changes[changes.length - 1]
  }

  changes(object: number): ReadonlyArray<Known> {
    return this.objects[object].changes
  }

  /** A change by an instruction; pending if it ran in a transaction that is open. */
  set(object: number, step: number, tx: number, facts: Partial<Facts>): void {
    const entity = this.objects[object]
    const open = this.touched.get(tx)
    if (open === undefined) entity.committed = merge(entity.committed, facts)
    else {
      open.add(object)
      entity.pending ??= new Map()
      const before = entity.pending.get(tx)
      entity.pending.delete(tx)
      entity.pending.set(tx, { ...before, ...facts })
    }
    this.show(entity, step)
  }

  /** Something that has been so all the time, and is only learned now: it fills what was not known. */
  learn(object: number, facts: Partial<Facts>): void {
    const entity = this.objects[object]
    entity.committed = fill(entity.committed, facts)
    entity.changes.forEach((change, index) => {
      entity.changes[index] = this.known(change.step, fill(change, facts), change.tx)
    })
  }

  begin(tx: number): void {
    this.touched.set(tx, new Set())
  }

  end(tx: number, step: number, committed: boolean): void {
    const objects = this.touched.get(tx) ?? []
    this.touched.delete(tx)
    for (const object of objects) {
      const entity = this.objects[object]
      const facts = entity.pending?.get(tx)
      entity.pending?.delete(tx)
      if (committed && facts !== undefined) entity.committed = merge(entity.committed, facts)
      this.show(entity, step)
    }
  }

  private show(entity: Entity, step: number): void {
    let tx = -1
    let facts: Facts = entity.committed
    if (entity.pending !== undefined && entity.pending.size > 0) {
      for (const last of entity.pending.keys()) tx = last
      facts = merge(facts, entity.pending.get(tx) ?? {})
    }
    const { changes } = entity
    // The last word on a step counts.
    if (changes[changes.length - 1].step === step) changes.pop()
    changes.push(this.known(step, facts, tx))
  }

  private known(step: number, { controller, holds, life, machine, value }: Facts, tx: number): Known {
    return new Known(step, life, controller, machine, value, holds, tx, this.maxPayload)
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const merge = (facts: Facts, changed: Partial<Facts>): Facts => ({
  life: changed.life ?? facts.life,
  controller: "controller" in changed ? changed.controller : facts.controller,
  machine: "machine" in changed ? changed.machine : facts.machine,
  value: "value" in changed ? changed.value : facts.value,
  holds: changed.holds ?? facts.holds
})

const fill = (facts: Facts, learned: Partial<Facts>): Facts => ({
  life: facts.life,
  controller: facts.controller ?? learned.controller,
  machine: facts.machine ?? learned.machine,
  value: facts.value ?? learned.value,
  holds: facts.value === undefined && learned.holds !== undefined ? learned.holds : facts.holds
})
