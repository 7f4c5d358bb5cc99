/**
 * What happened at once, done again on the model, one thing after the other.
 *
 * A unit is what took effect in one step: a transaction, from its beginning to its end; an instruction outside
 * transactions; of a call outside transactions, its being delivered, each instruction of the behaviour, its being entered
 * in the history. Each stands in the serial order where the store's history has it, and what the store was not asked
 * comes after what its program did before. A transaction that was refused is aborted instead of committed.
 *
 * @since 0.1.0
 */
import { AvmError, type ObjectId, type ObjectStore, Tx, type TxId } from "@effect-avm/core"
import * as Cause from "effect/Cause"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { History } from "../History.js"
import * as Model from "../Model.js"
import { print } from "../Observation.js"
import { account, type Concurrent } from "./Actions.js"
import type { Kept, Logged, Ran } from "./Run.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** A step of one program. Without a rank it follows the one before. */
interface Unit {
  readonly rank: number | undefined
  readonly label: string
  readonly replay: (program: Program) => void
}

interface Program {
  session: Model.Session
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Where the machine and the model differ, replaying in this order: in the answer of an instruction, in what is committed
 * in the end, in an object's history. None if they agree.
 *
 * @since 0.1.0
 * @category operations
 */
export const differences = ({ home }: Concurrent, ran: Ran, order: History): ReadonlyArray<string> => {
  const found: Array<string> = [...ran.failures]
  let world = Model.make({ behaviours: { account }, home: home ?? undefined })

  // -------------------------------------------------------------------------
  // one step
  // -------------------------------------------------------------------------

  const step = (
    program: Program,
    instruction: Logged["instruction"],
    entry: Logged
  ): Either.Either<unknown, unknown> => {
    world = { ...world, ...drawn(entry) }
    const next = Model.step(world, program.session, instruction)
    world = next.world
    program.session = next.session
    return next.outcome
  }

  const same = (program: Program, entry: Logged): void => {
    const [machine, model] = [print(outcomeOf(entry.exit)), print(step(program, entry.instruction, entry))]
    if (machine !== model) {
      found.push(`${entry.label} ${entry.instruction._tag}: the machine ${machine}, the model ${model}`)
    }
  }

  const transaction = (entries: ReadonlyArray<Logged>) => (program: Program): void => {
    const [begin] = entries
    const readOnly = begin?.instruction._tag === "Tx.begin" && begin.instruction.args.options?.readOnly === true
    for (const entry of entries) {
      const { instruction } = entry
      // Refused, it has changed nothing; read only, it enters no history (A31), which the model does not know.
      if (instruction._tag === "Tx.commit" && (readOnly || Exit.isFailure(entry.exit))) {
        step(program, Tx.abort(instruction.args.id), entry)
      } else same(program, entry)
    }
  }

  // -------------------------------------------------------------------------
  // calls outside transactions
  // -------------------------------------------------------------------------

  const deliver = (entry: Logged) => (program: Program): void => {
    if (entry.instruction._tag !== "Obj.call") return
    const { id, input } = entry.instruction.args
    const { frames } = program.session
    const caller = frames.at(-1) ?? frames[0]
    const object = world.store.objects.get(id.value)
    if (object === undefined) {
      found.push(`${entry.label}: the machine delivered to ${id.value}, which the model does not have`)
    }
    const frame: Model.Frame = {
      self: id,
      input,
      sender: Option.some(caller.self),
      machine: object?.metadata.machine ?? caller.machine,
      replicaAt: Option.none(),
      answers: [],
      replay: Option.none(),
      before: Option.none(),
      rejected: []
    }
    const [root, ...called] = frames
    program.session = { ...program.session, frames: [root, ...called, frame] }
  }

  const accept = (entry: Logged) => (program: Program): void => {
    const [root, ...called] = program.session.frames
    const frame = called.at(-1)
    program.session = { ...program.session, frames: [root, ...called.slice(0, -1)] }
    if (frame === undefined || isRefusal(entry.exit, frame.self)) return
    const object = world.store.objects.get(frame.self.value)
    if (object === undefined) return
    const history = [...object.history, { input: frame.input, sender: frame.sender }]
    const objects = new Map(world.store.objects).set(frame.self.value, { ...object, history })
    world = { ...world, store: { ...world.store, objects } }
  }

  // -------------------------------------------------------------------------
  // in order
  // -------------------------------------------------------------------------

  const ranks = new Map<string, Array<number>>()
  order.forEach(({ label }, rank) => {
    const known = ranks.get(label)
    if (known === undefined) ranks.set(label, [rank])
    else known.push(rank)
  })

  const alone = (entry: Logged): ReadonlyArray<Unit> => {
    const { label, within } = entry
    const [first] = ranks.get(label) ?? []
    const last = ranks.get(label)?.at(-1)
    if (entry.instruction._tag !== "Obj.call" || within.length === 0) {
      return [{ rank: last, label, replay: (program) => same(program, entry) }]
    }
    const entered = last === first ? undefined : last
    return [
      { rank: first, label, replay: deliver(entry) },
      ...within.flatMap(alone),
      { rank: entered, label, replay: accept(entry) }
    ]
  }

  const units = (log: ReadonlyArray<Logged>): ReadonlyArray<Unit> => {
    const all: Array<Unit> = []
    for (let index = 0; index < log.length; index++) {
      const entry = log[index]
      if (entry === undefined) continue
      if (entry.instruction._tag !== "Tx.begin" || Exit.isFailure(entry.exit)) all.push(...alone(entry))
      else {
        const length = log.slice(index).findIndex(finishes(entry.exit.value)) + 1
        const entries = length === 0 ? log.slice(index) : log.slice(index, index + length)
        index += entries.length - 1
        all.push({ rank: ranks.get(entry.label)?.at(-1), label: entry.label, replay: transaction(entries) })
      }
    }
    return all
  }

  const agenda: Array<{ readonly rank: number; readonly unit: Unit; readonly program: Program }> = []
  for (const log of ran.logs) {
    const [self] = log
    if (self === undefined) continue
    const started = Model.start({ ...world, ...rootOf(self) })
    world = started.world
    const program: Program = { session: started.session }
    let rank = 0
    for (const unit of units(log)) {
      if (unit.rank !== undefined && unit.rank < rank) {
        found.push(`${unit.label} comes before what its program did before`)
      }
      rank = Math.max(rank, unit.rank ?? rank)
      agenda.push({ rank, unit, program })
    }
  }
  for (const { program, unit } of agenda.sort((a, b) => a.rank - b.rank)) unit.replay(program)

  const [machine, model] = [ran.objects.map(shownByMachine), [...world.store.objects.values()].map(shownByModel)]
  for (let index = 0; index < Math.max(machine.length, model.length); index++) {
    if (machine[index] !== model[index]) {
      found.push(`in the end: the machine has ${machine[index]}, the model ${model[index]}`)
    }
  }
  return found
}

// ---------------------------------------------------------------------------
// ids
// ---------------------------------------------------------------------------

/** Both draw ids by counting, but in different orders: the model is told where the machine stood. */
const drawn = (entry: Logged): { readonly objectIds?: number; readonly txIds?: number } => {
  const { exit, instruction } = entry
  if (instruction._tag === "Tx.begin") {
    // What it answers, and how `IdGenerator.layerCounter` writes it.
    return Exit.isSuccess(exit) ? { txIds: Number((exit.value as TxId.TxId).slice(1)) - 1 } : {}
  }
  const [id] = created(entry)
  return id === undefined ? {} : { objectIds: Number(id.value.slice(1)) - 1 }
}

const created = ({ exit, instruction, within }: Logged): ReadonlyArray<ObjectId.ObjectId> => {
  if (instruction._tag !== "Obj.create") return within.flatMap(created)
  // What it answers.
  if (Exit.isSuccess(exit)) return [exit.value as ObjectId.ObjectId]
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  // A13: the id that was set aside.
  return failure instanceof AvmError.CrossControllerTx ? [failure.id] : []
}

/** `Introspect.self`, with which every program begins. */
const rootOf = ({ exit }: Logged): { readonly objectIds?: number } =>
  // What it answers.
  Exit.isSuccess(exit) ? { objectIds: Number((exit.value as ObjectId.ObjectId).value.slice(1)) - 1 } : {}

// ---------------------------------------------------------------------------
// answers
// ---------------------------------------------------------------------------

/** Committed, aborted, or refused by the store: it is over. */
const finishes = (id: unknown) => ({ exit, instruction }: Logged): boolean =>
  (instruction._tag === "Tx.commit" || instruction._tag === "Tx.abort") && instruction.args.id === id &&
  (Exit.isSuccess(exit) ||
    Option.exists(Cause.failureOption(exit.cause), (error) => error instanceof AvmError.TxConflict))

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Either.Either<unknown, unknown> =>
  Exit.isSuccess(exit)
    ? Either.right(exit.value)
    : Either.left(Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.pretty(exit.cause)))

const isRefusal = (exit: Exit.Exit<unknown, unknown>, self: ObjectId.ObjectId): boolean =>
  Exit.isFailure(exit) &&
  Option.exists(Cause.failureOption(exit.cause), (error) =>
    (error instanceof AvmError.InvalidInput || error instanceof AvmError.ObjectRejectedCall) &&
    error.id.value === self.value)

// ---------------------------------------------------------------------------
// what is there in the end
// ---------------------------------------------------------------------------

const shown = (
  { behaviour, metadata, state }: Pick<ObjectStore.StoredObject, "behaviour" | "metadata" | "state">,
  accepted: Model.StoredObject["history"]
): string => print({ behaviour, metadata, state, accepted: accepted.map(({ input, sender }) => ({ input, sender })) })

const shownByMachine = ({ accepted, stored }: Kept): string => shown(stored, accepted)

const shownByModel = (object: Model.StoredObject): string => shown(object, object.history)
