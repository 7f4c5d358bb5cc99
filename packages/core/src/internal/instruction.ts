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
import { currentFiber, isEager } from "./eager.js"
import { abandonUndriven, type Cell, current } from "./frame.js"
import { opaque } from "./schema.js"
import { isDone, type Step } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** What is behind an instruction. `params` are the arguments in the order in which the service's member takes them. */
export interface Definition {
  readonly tag: string
  readonly family: Context.Tag<never, unknown>
  readonly member: string
  readonly params: ReadonlyArray<string>
  readonly args: Option.Option<Schema.Schema<unknown, unknown>>
  readonly answer: Option.Option<Schema.Schema<unknown, unknown>>
  readonly make: (args: object) => Any
  /** The same member of the kernel's implementation, run at once. */
  readonly perform: (implementation: Direct, cell: Cell, args: Args) => Step<unknown, unknown>
}

/** A family as the kernel implements it, as far as it matters here. */
export type Direct = Readonly<Record<string, (cell: Cell, ...args: ReadonlyArray<unknown>) => Step<unknown, unknown>>>

type Args = Readonly<Record<string, unknown>>

interface Spec {
  readonly family: Context.Tag<never, unknown>
  readonly params?: ReadonlyArray<string>
  readonly args?: Schema.Schema.AnyNoContext
  readonly answer?: Schema.Schema.AnyNoContext
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
  // A function of its own for each instruction, so that its values have a shape of their own.
  function Instruction(this: { args: object }, args: object) {
    this.args = args
  }
  const prototype = Object.create(Prototype)
  prototype._tag = tag
  Instruction.prototype = prototype
  const construct = Instruction as unknown as new(args: object) => I
  const make = (args: object): I => new construct(args)
  const member = tag.slice(tag.indexOf(".") + 1)
  const params = spec.params ?? []
  const definition: Definition = {
    tag,
    family: spec.family,
    member,
    params,
    args: codec(spec.args),
    answer: codec(spec.answer),
    make,
    perform: performer(member, params)
  }
  prototype[TypeId] = definition
  return Object.assign((args: I["args"]) => make(args as object), { definition })
}

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

/** The other way: a service whose members hand the instruction they stand for to `handle`. */
export const handler = (
  definitions: ReadonlyArray<Definition>,
  handle: (instruction: Any) => Effect.Effect<unknown, unknown>
): Record<string, unknown> => {
  const service: Record<string, unknown> = {}
  for (const { make, member, params } of definitions) {
    service[member] = params.length === 0
      ? Effect.suspend(() => handle(make({})))
      : (...values: ReadonlyArray<unknown>) => {
        const args: Record<string, unknown> = {}
        for (let i = 0; i < params.length; i++) {
          if (values[i] !== undefined) args[params[i] as string] = values[i]
        }
        return Effect.suspend(() => handle(make(args)))
      }
  }
  return service
}

/** Executes an instruction here and now, if that can be; answers the effect that is left of it. */
export const attempt = (self: Any): Effect.Effect<unknown, unknown> => {
  // What an instruction requires is in the context of whoever runs it.
  const later = self as Effect.Effect<unknown, unknown, unknown> as Effect.Effect<unknown, unknown>
  const fiber = isEager ? currentFiber() : undefined
  const cell = fiber?.getFiberRef(current)
  if (fiber === undefined || cell === undefined || cell.fiber !== fiber) return later
  if (cell.undriven.length > 0) return Effect.zipRight(abandonUndriven(cell), later)
  if (cell.transaction !== undefined && cell.isStray) return Effect.interrupt
  if (!cell.execution.allowance.mayGoOn()) return Effect.zipRight(cell.execution.allowance.pause, later)
  const definition = definitionOf(self)
  const service = (cell.context ?? fiber.currentContext).unsafeMap.get(definition.family.key)
  const direct = service === undefined ? undefined : directOf<Direct>(service)
  return direct === undefined ? later : definition.perform(direct, cell, self.args as Args)
}

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
const vals: ReadonlySet<string> = new Set(["input", "state", "args"])

const show = (argument: unknown): string => {
  if (Option.isOption(argument)) return Option.isSome(argument) ? String(argument.value) : "none"
  if (typeof argument === "function") return "<function>"
  if (STM.isSTM(argument)) return "<STM>"
  if (isObjectId(argument)) return argument.value
  return Val.isVal(argument) ? Val.format(argument) : Inspectable.toStringUnknown(argument, 0)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Asks a member for its arguments in their order, without making a list of them where they are few. */
const performer = (member: string, params: ReadonlyArray<string>): Definition["perform"] => {
  const [a = "", b = ""] = params
  const ask = (direct: Direct) => direct[member] as Direct[string] // each family implements all of its members
  switch (params.length) {
    case 0:
      return (direct, cell) => ask(direct)(cell)
    case 1:
      return (direct, cell, args) => ask(direct)(cell, args[a])
    case 2:
      return (direct, cell, args) => ask(direct)(cell, args[a], args[b])
    default:
      return (direct, cell, args) => ask(direct)(cell, ...params.map((param) => args[param]))
  }
}

/** An iterator that has its result already: what `yield*` takes from it is the answer. */
class Finished {
  readonly done = true
  constructor(readonly value: unknown) {}
  next() {
    return this
  }
}

const yielding = (effect: Effect.Effect<unknown, unknown, unknown>): Iterator<unknown, unknown> =>
  new SingleShotGen(new YieldWrap(effect))

const codec = (schema: Schema.Schema.AnyNoContext | undefined): Option.Option<Schema.Schema<unknown, unknown>> =>
  schema === undefined ? Option.none() : Option.some(opaque(schema as Schema.Schema<unknown, unknown>))

const sameArgument = (self: unknown, that: unknown): boolean =>
  Equal.equals(self, that) || (Val.isVal(self) && Val.isVal(that) && Val.equals(self, that))

const Prototype = {
  ...Effectable.CommitPrototype,
  commit(this: Any) {
    return Effect.withFiberRuntime<unknown, unknown>((fiber) => {
      const definition = definitionOf(this)
      const service = fiber.currentContext.unsafeMap.get(definition.family.key)
      if (service === undefined) {
        return Effect.dieMessage(`${this._tag} outside a machine: run the program with Avm.run`)
      }
      const direct = directOf<Direct>(service)
      const cell = direct === undefined ? undefined : fiber.getFiberRef(current)
      return direct === undefined || cell === undefined || cell.fiber !== fiber || cell.isStray ||
          cell.undriven.length > 0
        ? execute(service, this)
        : definition.perform(direct, cell, this.args as Args)
    })
  },
  [Symbol.iterator](this: Any): Iterator<unknown, unknown> {
    const step = attempt(this)
    return isDone(step) && step._tag === "Success" ? new Finished(step.value) : yielding(step)
  },
  [Equal.symbol](this: Any, that: unknown): boolean {
    if (this === that) return true
    if (!isInstr(that) || that._tag !== this._tag) return false
    const [mine, other] = [this.args as Record<string, unknown>, that.args as Record<string, unknown>]
    return definitionOf(this).params.every((param) => sameArgument(mine[param], other[param]))
  },
  [Hash.symbol](this: Any): number {
    return Hash.cached(this, Hash.string(format(this)))
  },
  toString(this: Any) {
    return format(this)
  },
  toJSON(this: Any) {
    return { _id: "Instr", instruction: format(this) }
  },
  [Inspectable.NodeInspectSymbol](this: Any) {
    return format(this)
  }
}
