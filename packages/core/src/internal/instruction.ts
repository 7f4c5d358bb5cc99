/**
 * How an instruction is made: one definition per instruction, from which its value, its meaning (a member of a family
 * service), its codecs and its printed form follow.
 *
 * The definitions also tell how to go the other way, from a member of a service back to the instruction: that is what
 * interceptors and recorders stand on.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Equal from "effect/Equal"
import type { RuntimeFiber } from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as STM from "effect/STM"
import { SingleShotGen, YieldWrap } from "effect/Utils"
import type { Any } from "../Instr.js"
import { isObjectId } from "../ObjectId.js"
import * as Val from "../Val.js"
import { directOf } from "./direct.js"
import { currentFiber, isEager, Now } from "./eager.js"
import { abandonUndriven, type Cell, current, type Member, type Table } from "./frame.js"
import { opaque } from "./schema.js"
import { effectOf, Later, later, type Step } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** What is behind an instruction. `params` are the arguments in the order in which the service's member takes them. */
export interface Definition {
  /** Its place in a `Table`. */
  readonly index: number
  readonly tag: string
  readonly family: Context.Tag<never, unknown>
  readonly member: string
  readonly params: ReadonlyArray<string>
  readonly args: Option.Option<Schema.Schema<unknown, unknown>>
  readonly answer: Option.Option<Schema.Schema<unknown, unknown>>
  readonly make: (args: object) => Any
  /** Asks the member of the kernel's implementation, at once. */
  readonly perform: Perform
}

type Args = Readonly<Record<string, unknown>>

type Perform = (member: Member, cell: Cell, args: Args) => Step<unknown, unknown>

/** A family as the kernel implements it, as far as it matters here. */
type Direct = Readonly<Record<string, Member>>

interface Spec {
  readonly family: Context.Tag<never, unknown>
  readonly params?: ReadonlyArray<string>
  readonly args?: Schema.Schema.AnyNoContext
  readonly answer?: Schema.Schema.AnyNoContext
  /** What `params` say, spelt out for an instruction that is executed often: properties by name are had sooner. */
  readonly perform?: Perform
}

/** Makes the instruction from its arguments. */
export interface Constructor<I extends Any> {
  (args: I["args"]): I
  readonly definition: Definition
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

const TypeId: unique symbol = Symbol.for("@effect-avm/core/Instr")

/** Defines the instruction `I`. Without `args` it has a function among its arguments, and is not serialisable. */
export const define = <I extends Any>(tag: I["_tag"], spec: Spec): Constructor<I> => {
  const member = tag.slice(tag.indexOf(".") + 1)
  const params = spec.params ?? []
  const definition: Definition = {
    index: definitionCount++,
    tag,
    family: spec.family,
    member,
    params,
    args: codec(spec.args),
    answer: codec(spec.answer),
    make: (args) => asInstr(new Instruction(definition, args)),
    perform: spec.perform ?? performer(params)
  }
  const ofFamily = byFamily.get(spec.family.key)
  if (ofFamily === undefined) byFamily.set(spec.family.key, [definition])
  else ofFamily.push(definition)
  // The instruction with this definition is an `I`.
  const make = (args: I["args"]): I => asInstr(new Instruction(definition, args as object)) as I
  return Object.assign(make, { definition })
}

let definitionCount = 0

const byFamily = new Map<string, Array<Definition>>()

/** The definitions of every family, by the key of its tag. */
export const definitionsOf = (): ReadonlyMap<string, ReadonlyArray<Definition>> => byFamily

/** A tag as definitions hold it: what is behind it does not matter to them. */
export const erase = <I, S>(tag: Context.Tag<I, S>): Context.Tag<never, unknown> =>
  // A tag is only used as a key here, so neither of its parameters is ever relied upon.
  tag as unknown as Context.Tag<never, unknown>

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const isInstr = (u: unknown): u is Any => Predicate.hasProperty(u, TypeId)

export const definitionOf = (self: Any): Definition => (self as Any & { readonly [TypeId]: Definition })[TypeId]

/** The effect that a family service gives to an instruction. */
export const execute = (service: unknown, self: Any): Effect.Effect<unknown, unknown> => {
  const { member, params } = definitionOf(self)
  // A family service has, by its definitions, a member of this name: an effect, or a function of `params` to one.
  const operation = (service as Record<string, unknown>)[member]
  if (params.length === 0) return operation as Effect.Effect<unknown, unknown>
  const args = self.args as Record<string, unknown>
  return (operation as (this: unknown, ...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>).apply(
    service,
    params.map((param) => args[param])
  )
}

/** Executes an instruction here and now, if that can be; answers what is left of it. */
export const attempt = (self: Any): Step<unknown, unknown> => {
  const fiber = isEager ? currentFiber() : undefined
  if (fiber === undefined) return notNow(self)
  const cell = cellIn(fiber)
  if (cell === undefined || cell.fiber !== fiber) return notNow(self)
  if (cell.undriven !== undefined) return later(Effect.zipRight(abandonUndriven(cell), plain(self)))
  if (cell.transaction !== undefined && cell.isStray) return later(Effect.interrupt)
  if (!cell.execution.allowance.mayGoOn()) return later(Effect.zipRight(cell.execution.allowance.pause, plain(self)))
  const definition = definitionOf(self)
  const context = cell.context ?? fiber.currentContext
  if (context !== cell.tableOf) {
    cell.tableOf = context
    cell.table = tableOf(context)
  }
  const known = cell.table[definition.index]
  const member = known === undefined ? memberIn(cell.table, context, definition) : known
  return member === null ? notNow(self) : definition.perform(member, cell, self.args as Args)
}

const notNow = (self: Any): Step<unknown, unknown> => later(plain(self))

/** What an instruction requires is in the context of whoever runs it. */
const plain = (self: Any): Effect.Effect<unknown, unknown> =>
  self as Effect.Effect<unknown, unknown, unknown> as Effect.Effect<unknown, unknown>

// ---------------------------------------------------------------------------
// what was looked up last
// ---------------------------------------------------------------------------

let lastFiber: RuntimeFiber<unknown, unknown> | undefined
let lastCell: Cell | undefined

/** Where a fiber stands. */
export const cellIn = (fiber: RuntimeFiber<unknown, unknown>): Cell | undefined =>
  fiber === lastFiber ? lastCell : cellOf(fiber)

const cellOf = (fiber: RuntimeFiber<unknown, unknown>): Cell | undefined => {
  const cell = fiber.getFiberRef(current)
  if (cell?.fiber === fiber) {
    lastFiber = fiber
    lastCell = cell
  }
  return cell
}

/** For whoever gives a fiber another cell than it had. */
export const forgetCell = (): void => {
  lastFiber = undefined
  lastCell = undefined
}

const tables = new WeakMap<Context.Context<never>, Table>()

/** One for each context; what it holds is looked up when it is first needed. */
export const tableOf = (context: Context.Context<never>): Table => {
  let table = tables.get(context)
  if (table === undefined) tables.set(context, table = new Array<undefined>(definitionCount).fill(undefined))
  return table
}

/** The member of the kernel's own implementation, unless the family was replaced. */
const memberIn = (table: Table, context: Context.Context<never>, { family, index, member }: Definition) => {
  const service = context.unsafeMap.get(family.key)
  const direct = service === undefined ? undefined : directOf<Direct>(service)
  return table[index] = direct?.[member] ?? null
}

// ---------------------------------------------------------------------------
// codecs and text
// ---------------------------------------------------------------------------

export const argsSchema = (self: Any) => definitionOf(self).args
export const answerSchema = (self: Any) => Option.flatMap(definitionOf(self).args, () => definitionOf(self).answer)

export const format = (self: Any): string => {
  const args = self.args as Record<string, unknown>
  const shown = definitionOf(self).params.filter((param) => args[param] !== undefined).map((param) =>
    typeof args[param] === "string" && !vals.has(param) ? args[param] : show(args[param])
  )
  return `${self._tag}(${shown.join(", ")})`
}

/** The arguments that are `Val`s: text in them is quoted, names are not. */
const vals: ReadonlySet<string> = new Set(["input", "state", "args", "message", "payload"])

const show = (argument: unknown): string => {
  if (Option.isOption(argument)) return Option.isSome(argument) ? String(argument.value) : "none"
  if (typeof argument === "function") return "<function>"
  if (STM.isSTM(argument)) return "<STM>"
  if (isObjectId(argument)) return argument.value
  if (Val.isVal(argument)) return Val.format(argument)
  return hasText(argument) ? String(argument) : Inspectable.toStringUnknown(argument, 0)
}

/** Whether it says itself how it is to be shown. */
const hasText = (u: unknown): boolean => typeof u === "object" && u !== null && u.toString !== Object.prototype.toString

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Asks a member for its arguments in their order, without making a list of them where they are few. */
const performer = (params: ReadonlyArray<string>): Perform => {
  const [a = "", b = ""] = params
  switch (params.length) {
    case 0:
      return (member, cell) => member(cell)
    case 1:
      return (member, cell, args) => member(cell, args[a])
    case 2:
      return (member, cell, args) => member(cell, args[a], args[b])
    default:
      return (member, cell, args) => member(cell, ...params.map((param) => args[param]))
  }
}

/** An iterator that has its result already: what `yield*` takes from it is the answer. */
export class Finished {
  readonly done = true
  constructor(readonly value: unknown) {}
  next() {
    return this
  }
}

/** What `yield*` asks for its answer: the step itself where it is one, else what is left of it. */
export const iterating = (step: Step<unknown, unknown>): Iterator<unknown, unknown> =>
  step instanceof Later ? new SingleShotGen(new YieldWrap(step.effect)) : new Finished(step)

const codec = (schema: Schema.Schema.AnyNoContext | undefined): Option.Option<Schema.Schema<unknown, unknown>> =>
  schema === undefined ? Option.none() : Option.some(opaque(schema as Schema.Schema<unknown, unknown>))

const sameArgument = (self: unknown, that: unknown): boolean =>
  self === that ||
  // Without their hashes, which cost more than the answer where it is hardly ever no.
  (Equal.isEqual(self) && Equal.isEqual(that) ? self[Equal.symbol](that) : Equal.equals(self, that)) ||
  (Val.isVal(self) && Val.isVal(that) && Val.equals(self, that))

/** Why there is no such family: inside a machine there are all but those that have to be granted. */
const missing = ({ family, tag }: Definition, cell: Cell | undefined): string => {
  if (cell === undefined) return `${tag} outside a machine: run the program with Avm.run`
  const granting = `Avm.layerUnsafe(${tag.slice(0, tag.indexOf("."))}.${
    family.key.slice(family.key.lastIndexOf("/") + 1)
  })`
  return `${tag} is unsafe and not granted here: provide ${granting}`
}

/** The same instruction with equal arguments. */
export const isSame = (self: Any, that: Any): boolean => {
  if (definitionOf(self) !== definitionOf(that)) return false
  const [mine, other] = [self.args as Args, that.args as Args]
  return definitionOf(self).params.every((param) => sameArgument(mine[param], other[param]))
}

/** All instructions have one shape. */
class Instruction {
  readonly [TypeId]: Definition
  readonly args: object

  constructor(definition: Definition, args: object) {
    this[TypeId] = definition
    this.args = args
  }
  get _tag(): string {
    return this[TypeId].tag
  }
  commit(): Effect.Effect<unknown, unknown> {
    const self = asInstr(this)
    return Effect.withFiberRuntime<unknown, unknown>((fiber) => {
      const definition = definitionOf(self)
      const service = fiber.currentContext.unsafeMap.get(definition.family.key)
      if (service === undefined) return Effect.dieMessage(missing(definition, fiber.getFiberRef(current)))
      const member = directOf<Direct>(service)?.[definition.member]
      const cell = member === undefined ? undefined : fiber.getFiberRef(current)
      if (
        member === undefined || cell === undefined || cell.fiber !== fiber || cell.isStray ||
        cell.undriven !== undefined
      ) return execute(service, self)
      const { allowance } = cell.execution
      return allowance.mayGoOn()
        ? effectOf(definition.perform(member, cell, self.args as Args))
        : Effect.zipRight(allowance.pause, plain(self))
    })
  }
  [Now](): Step<unknown, unknown> {
    return attempt(asInstr(this))
  }
  [Symbol.iterator](): Iterator<unknown, unknown> {
    return iterating(attempt(asInstr(this)))
  }
  [Equal.symbol](that: unknown): boolean {
    const self = asInstr(this)
    if (self === that) return true
    return isInstr(that) && isSame(self, that)
  }
  [Hash.symbol](): number {
    return Hash.cached(this, Hash.string(format(asInstr(this))))
  }
  toString() {
    return format(asInstr(this))
  }
  toJSON() {
    return { _id: "Instr", instruction: format(asInstr(this)) }
  }
  [Inspectable.NodeInspectSymbol]() {
    return format(asInstr(this))
  }
}

// What else an effect consists of.
for (const key of Reflect.ownKeys(Effectable.CommitPrototype)) {
  if (Object.hasOwn(Instruction.prototype, key)) continue
  const property = Object.getOwnPropertyDescriptor(Effectable.CommitPrototype, key)
  if (property !== undefined) Object.defineProperty(Instruction.prototype, key, property)
}

/** The class and the effect are the same object; the compiler does not see what the loop above adds. */
const asInstr = (self: Instruction): Any => self as unknown as Any
