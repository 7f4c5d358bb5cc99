/**
 * The machinery of typed behaviours, on erased types: `Behaviour.make` says what it means to the compiler.
 *
 * A reference encodes the payload, calls, and decodes the answer; the program of the behaviour decodes the payload, runs
 * the handler, and encodes the answer. Both sides speak `Val`s only, so they may be on different machines.
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { pipe } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { YieldWrap } from "effect/Utils"
import { type AvmError, CalleeFailed, InvalidInput, isAvmError } from "../AvmError.js"
import { type Program, Registry } from "../Behaviour.js"
import type { ControllerId } from "../ControllerId.js"
import { getState, input, self, setState } from "../Introspect.js"
import { callAs, createTyped, isCallError } from "../Obj.js"
import { type ObjectId, ObjectIdFromSelf } from "../ObjectId.js"
import { isVal, type Val } from "../Val.js"
import { make as makeValSchema, type ValSchema } from "./valSchema.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export interface Options {
  readonly state: Schema.Schema<unknown, unknown>
  readonly initial: unknown
  readonly protocol: ReadonlyArray<Rpc.AnyWithProps>
}

/** A message of the protocol with its codecs. */
interface Message {
  readonly tag: string
  readonly construct: (payload: unknown) => unknown
  readonly payload: ValSchema<unknown>
  readonly success: ValSchema<unknown>
  readonly error: ValSchema<unknown>
}

type Handler = (
  payload: unknown
) => Effect.Effect<unknown, unknown> | Generator<YieldWrap<Effect.Effect<unknown, unknown>>>

type Handlers = Readonly<Record<string, Handler>>

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (name: string, options: Options) => {
  const messages = new Map<string, Message>()
  for (const rpc of options.protocol) {
    if (messages.has(rpc._tag)) throw new Error(`Behaviour ${name}: its protocol has two messages called ${rpc._tag}`)
    messages.set(rpc._tag, message(rpc))
  }
  const stateSchema = makeValSchema(options.state)
  const initial = Effect.runSync(defect(`The initial state of ${name}`, stateSchema.encode(options.initial)))
  const ref = references(name, messages)

  const state = Effect.flatMap(getState, (val) => defect(`The state of ${name}`, stateSchema.decode(val)))
  const setEncoded = (val: Val) =>
    // What a schema has encoded is a `Val`, so the machine has nothing to refuse.
    Effect.catchTag(setState(val), "InvalidVal", (error) => Effect.die(error))
  const set = (value: unknown) =>
    Effect.flatMap(defect(`The new state of ${name}`, stateSchema.encode(value)), setEncoded)

  const toLayer = (build: Handlers | Effect.Effect<Handlers, unknown, unknown>) => {
    const identity = {}
    return Layer.scopedContext(Effect.gen(function*() {
      const registry = yield* Registry
      const handlers = Effect.isEffect(build) ? yield* build : build
      const services = yield* Effect.context<never>()
      yield* registry.register({ name, program: program(messages, handlers), services, initial, identity })
      return Context.empty()
    }))
  }

  return {
    name,
    protocol: options.protocol,
    stateSchema: options.state,
    initial: options.initial,
    create: (options?: { readonly controller?: ControllerId }) =>
      Effect.map(createTyped(name, options?.controller), ref.make),
    ref: ref.make,
    Ref: ref.schema,
    self: Effect.map(self, ref.make),
    state,
    setState: set,
    updateState: (f: (state: unknown) => unknown) =>
      Effect.flatMap(state, (before) => {
        const after = f(before)
        return Effect.as(set(after), after)
      }),
    of: (handlers: Handlers) => handlers,
    toLayer
  }
}

// ---------------------------------------------------------------------------
// the caller's side
// ---------------------------------------------------------------------------

const references = (name: string, messages: ReadonlyMap<string, Message>) => {
  class Ref {
    readonly behaviour = name
    constructor(readonly id: ObjectId) {}
    [Equal.symbol](that: unknown): boolean {
      return that instanceof Ref && Equal.equals(this.id, that.id)
    }
    [Hash.symbol](): number {
      return Hash.combine(Hash.string(name))(Hash.hash(this.id))
    }
    toJSON(): unknown {
      return { _id: "Ref", behaviour: name, id: this.id.value }
    }
    toString(): string {
      return `${name}(${this.id.value})`
    }
  }
  for (const message of messages.values()) {
    Object.defineProperty(Ref.prototype, message.tag, {
      value(this: Ref, payload: unknown) {
        return callTyped(name, this.id, message, payload)
      }
    })
  }
  const make = (id: ObjectId) => new Ref(id)
  const schema = Schema.transform(
    ObjectIdFromSelf,
    Schema.declare((u): u is Ref => u instanceof Ref, { identifier: `Ref<${name}>` }),
    { strict: true, decode: make, encode: (ref) => ref.id }
  )
  return { make, schema }
}

const callTyped = (
  name: string,
  id: ObjectId,
  message: Message,
  payload: unknown
): Effect.Effect<unknown, unknown, unknown> =>
  pipe(
    Effect.suspend(() => message.payload.encode(message.construct(payload))),
    Effect.catchAll(() => Effect.fail(new InvalidInput({ id, input: isVal(payload) ? [message.tag, payload] : null }))),
    Effect.flatMap((encoded) => callAs(name, id, [message.tag, encoded])),
    Effect.matchEffect({
      onFailure: (error) => typedFailure(name, id, message, error),
      onSuccess: (output) =>
        Option.isNone(output)
          ? Effect.dieMessage(`${name}.${message.tag} of ${id.value} has no output`)
          : defect(`The answer of ${name}.${message.tag}`, message.success.decode(output.value))
    })
  )

/** A typed behaviour lets through what it declares and what any call can fail with; anything else is not its failure. */
const typedFailure = (name: string, id: ObjectId, message: Message, error: AvmError): Effect.Effect<never, unknown> => {
  if (error._tag === "CalleeFailed" && Equal.equals(error.id, id)) {
    return Effect.flatMap(defect(`The error of ${name}.${message.tag}`, message.error.decode(error.error)), Effect.fail)
  }
  return isCallError(error) ? Effect.fail(error) : Effect.die(error)
}

// ---------------------------------------------------------------------------
// the callee's side
// ---------------------------------------------------------------------------

const program = (messages: ReadonlyMap<string, Message>, handlers: Handlers): Program =>
  // The handlers' own requirements are in the registration's services, and their errors are mapped below.
  Effect.flatMap(input, (input) => {
    const message = Array.isArray(input) && input.length === 2 ? messages.get(String(input[0])) : undefined
    if (message === undefined) return refuse(input)
    return Effect.matchEffect(message.payload.decode((input as ReadonlyArray<Val>)[1] as Val), {
      onFailure: () => refuse(input),
      onSuccess: (payload) => handle(message, handlers[message.tag] as Handler, payload)
    })
  }) as Program

const refuse = (input: Val) => Effect.flatMap(self, (id) => Effect.fail(new InvalidInput({ id, input })))

const handle = (message: Message, handler: Handler, payload: unknown) =>
  Effect.matchEffect(Effect.suspend(() => run(handler(payload))), {
    onFailure: (error) => {
      if (message.error.is(error)) {
        return Effect.flatMap(
          self,
          (id) =>
            Effect.flatMap(
              defect(`The error of ${message.tag}`, message.error.encode(error)),
              (encoded) => Effect.fail(new CalleeFailed({ id, error: encoded }))
            )
        )
      }
      return isAvmError(error) ? Effect.fail(error) : Effect.die(error)
    },
    onSuccess: (answer) =>
      Effect.map(defect(`The answer of ${message.tag}`, message.success.encode(answer)), (encoded) => [encoded])
  })

const run = (result: ReturnType<Handler>): Effect.Effect<unknown, unknown> =>
  Effect.isEffect(result) ? result : Effect.gen(() => result)

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const message = (rpc: Rpc.AnyWithProps): Message => {
  const schema: unknown = rpc.payloadSchema
  // A struct or a class fills in the defaults of its constructor.
  const construct = Predicate.hasProperty(schema, "make") && typeof schema.make === "function"
    ? (payload: unknown) =>
      Either.getOrElse(constructWith(schema.make as (payload: unknown) => unknown, payload), () => payload)
    : (payload: unknown) => payload
  return {
    tag: rpc._tag,
    construct,
    payload: makeValSchema(rpc.payloadSchema as Schema.Schema<unknown, unknown>),
    success: makeValSchema(rpc.successSchema as Schema.Schema<unknown, unknown>),
    error: makeValSchema(rpc.errorSchema as Schema.Schema<unknown, unknown>)
  }
}

/** A payload that the constructor refuses is left as it is: encoding it says what is wrong. */
const constructWith = (make: (payload: unknown) => unknown, payload: unknown) => Either.try(() => make(payload))

/** A schema that refuses what its own behaviour made: a defect of the behaviour (A30). */
const defect = <A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A> =>
  Effect.catchAll(
    effect,
    (error) =>
      Effect.dieMessage(
        `${what} is refused by its own schema: ${ParseResult.isParseError(error) ? error.message : String(error)}`
      )
  )
