/**
 * The machinery of typed behaviours, on erased types: `Behaviour.make` says what it means to the compiler.
 *
 * A reference encodes the payload, calls, and decodes the answer; the program of the behaviour decodes the payload, runs
 * the handler, and encodes the answer. Both sides speak `Val`s only, so they may be on different machines.
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { YieldWrap } from "effect/Utils"
import { type AvmError, CalleeFailed, InvalidInput, isAvmError, ObjectNotFound } from "../AvmError.js"
import { type Program, type Registration, Registry } from "../Behaviour.js"
import type { ControllerId } from "../ControllerId.js"
import { getState, input, self, setState } from "../Introspect.js"
import {
  callAs,
  createTyped,
  eventual,
  isCallError,
  type Obj,
  type Promised,
  send,
  sendOnly,
  type SendOptions
} from "../Obj.js"
import { isObjectId, type ObjectId, ObjectIdFromSelf } from "../ObjectId.js"
import type { OutsideTx } from "../TxPlace.js"
import { isVal, type Val } from "../Val.js"
import { current } from "./frame.js"
import { converted, native } from "./native.js"
import { because, refusal } from "./reasons.js"
import { deliver } from "./refusals.js"
import { Listed, say } from "./saying.js"
import { andThen, causeOf, die, effectOf, Later, mapLater, type Step, succeed } from "./sync.js"
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
  const initial = Effect.runSync(effectOf(defect(`The initial state of ${name}`, stateSchema.encode(options.initial))))
  const ref = references(name, messages)

  // What the machine answers for a state is a `Val`.
  const state = converted(getState, (state) => ofSelf("The state", name, stateSchema.decode(state as Val)))
  const set = (next: unknown): Effect.Effect<unknown, unknown, unknown> => {
    const encoded = ofSelf("The new state", name, stateSchema.encode(next))
    return encoded instanceof Later ? Effect.flatMap(encoded.effect, setState) : setState(encoded)
  }

  const toLayer = (build: Handlers | Effect.Effect<Handlers, unknown, unknown>) => {
    const identity = {}
    return Layer.scopedContext(Effect.gen(function*() {
      const registry = yield* Registry
      const handlers = Effect.isEffect(build) ? yield* build : build
      const services = yield* Effect.context<never>()
      yield* registry.register({ name, ...behaviour(name, messages, handlers), services, initial, identity })
      return Context.empty()
    }))
  }

  return {
    name,
    protocol: options.protocol,
    stateSchema: options.state,
    initial: options.initial,
    // What the machine answers for an object is its id.
    create: (options?: { readonly controller?: ControllerId }) =>
      converted(createTyped(name, options?.controller), (id) => ref.make(id as ObjectId)),
    ref: ref.make,
    Ref: ref.schema,
    self: converted(self, (id) => ref.make(id as ObjectId)),
    state,
    setState: set,
    updateState: (f: (state: unknown) => unknown) =>
      native(function*() {
        const after = f(yield* state)
        yield* set(after)
        return after
      }),
    of: (handlers: Handlers) => handlers,
    toLayer
  }
}

// ---------------------------------------------------------------------------
// the caller's side
// ---------------------------------------------------------------------------

const references = (name: string, messages: ReadonlyMap<string, Message>) => {
  class Sends {
    constructor(readonly id: ObjectId) {}
  }
  class SendsOnly {
    constructor(readonly id: ObjectId) {}
  }
  class Ref {
    readonly behaviour = name
    constructor(readonly id: ObjectId) {}
    get send(): Sends {
      return new Sends(this.id)
    }
    get sendOnly(): SendsOnly {
      return new SendsOnly(this.id)
    }
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
    Object.defineProperty(Sends.prototype, message.tag, {
      value(this: Sends, payload: unknown, options?: SendOptions) {
        return sendTyped(name, this.id, message, payload, options)
      }
    })
    Object.defineProperty(SendsOnly.prototype, message.tag, {
      value(this: SendsOnly, payload: unknown, options?: SendOptions) {
        return sendOnlyTyped(name, this.id, message, payload, options)
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
  encoding(id, message, payload, (input) =>
    converted(
      callAs(name, id, input),
      (output) => answerOf(name, id, message, output as Option.Option<Val>), // that is what a call answers
      (cause) => typedFailure(name, id, message, cause as Cause.Cause<AvmError>)
    ))

/** Goes on with the message as a `Val` (A35). */
const encoding = (
  id: ObjectId,
  message: Message,
  payload: unknown,
  use: (input: Val) => Effect.Effect<unknown, unknown, unknown>
): Effect.Effect<unknown, unknown, unknown> => {
  const encoded = encodePayload(message, payload)
  if (!(encoded instanceof Later)) return use([message.tag, encoded])
  return Effect.flatMap(
    Effect.mapError(encoded.effect, (error) =>
      deliver(because(
        new InvalidInput({ id, input: refusedInput(message.tag, payload) }),
        () => say`the payload of ${message.tag}: ${refusal(error)}`
      ))),
    (encoded) => use([message.tag, encoded])
  )
}

const answerOf = (name: string, id: ObjectId, message: Message, output: Option.Option<Val>): Step<unknown> =>
  Option.isNone(output)
    ? die(new Error(`${name}.${message.tag} of ${id.value} has no output`))
    : defect(`The answer of ${name}.${message.tag}`, message.success.decode(output.value))

const sendTyped = (
  name: string,
  id: ObjectId,
  message: Message,
  payload: unknown,
  options: SendOptions | undefined
): Effect.Effect<unknown, unknown, unknown> =>
  encoding(
    id,
    message,
    payload,
    (input) =>
      converted(
        send(id, input, { ...options, behaviour: name }),
        (promised) => typedPromise(name, id, message, promised as Promised)
      )
  )

const sendOnlyTyped = (
  name: string,
  id: ObjectId,
  message: Message,
  payload: unknown,
  options: SendOptions | undefined
): Effect.Effect<unknown, unknown, unknown> =>
  encoding(id, message, payload, (input) => sendOnly(id, input, { ...options, behaviour: name }))

/** The promise of an answer, with its types. */
const typedPromise = (name: string, id: ObjectId, message: Message, promised: Promised) => ({
  id: promised.id,
  await: Effect.matchCauseEffect(promised.await, {
    onFailure: (cause) => {
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      if (error?._tag !== "CalleeFailed") return typedFailure(name, id, message, cause)
      return Effect.flatMap(receiverOf(id), (receiver) =>
        // What another object declares is nothing this message can fail with: who it was sent to never came to be.
        receiver === undefined
          ? Effect.fail(new ObjectNotFound({ id }))
          : typedFailure(name, receiver, message, cause))
    },
    onSuccess: (output) => effectOf(answerOf(name, id, message, output))
  }),
  onResolved: (to: ObjectId, tag: string) => promised.onResolved(to, tag),
  onBroken: (to: ObjectId, tag: string) => promised.onBroken(to, tag)
})

/** Who got a message that was sent to a promise, and was answered; none if the promise was broken. */
const receiverOf = (id: ObjectId): Effect.Effect<ObjectId | undefined, never, Obj | OutsideTx> =>
  Effect.matchEffect(eventual(id).await, {
    // What was never promised is the object itself.
    onFailure: (error) =>
      Effect.succeed(error._tag === "ObjectNotFound" && Equal.equals(error.id, id) ? id : undefined),
    onSuccess: (output) => {
      const next = Option.getOrUndefined(output)
      return isObjectId(next) ? receiverOf(next) : Effect.succeed(undefined)
    }
  })

/** As it is, where it is complete; else with what its constructor adds to it: defaults, a class. */
const encodePayload = (message: Message, payload: unknown) => {
  const plain = message.payload.encode(payload)
  return causeOf(plain) === undefined ? plain : message.payload.encode(message.construct(payload))
}

const refusedInput = (tag: string, payload: unknown): Val => isVal(payload) ? [tag, payload] : null

/** A typed behaviour lets through what it declares and what any call can fail with; anything else is not its failure. */
const typedFailure = (
  name: string,
  id: ObjectId,
  message: Message,
  cause: Cause.Cause<AvmError>
): Effect.Effect<never, unknown> => {
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure)) return Exit.failCause(cause)
  const error = failure.value
  if (error._tag === "CalleeFailed" && Equal.equals(error.id, id)) {
    return Effect.flatMap(
      effectOf(defect(`The error of ${name}.${message.tag}`, message.error.decode(error.error))),
      Effect.fail
    )
  }
  return isCallError(error) ? Exit.fail(error) : Exit.die(error)
}

// ---------------------------------------------------------------------------
// the callee's side
// ---------------------------------------------------------------------------

/** Says no before anything runs: what a handler fails with is another matter, whatever its class. */
class Refused {
  constructor(readonly input: Val, readonly reason: () => string) {}
}

const behaviour = (
  name: string,
  messages: ReadonlyMap<string, Message>,
  handlers: Handlers
): Required<Pick<Registration, "program" | "generator" | "failure">> => {
  const messageOf = (input: Val): Message | undefined =>
    Array.isArray(input) && input.length === 2 ? messages.get(String(input[0])) : undefined

  const unknown = (input: Val): string => {
    const known = new Listed([...messages.keys()])
    return Array.isArray(input) && input.length === 2
      ? say`${name} has no message ${input[0]} (it has ${known})`
      : say`a message to ${name} is [tag, payload] (it has ${known})`
  }

  function* generator() {
    const received: Val = yield* input
    const message = messageOf(received)
    if (message === undefined) return yield* Effect.fail(new Refused(received, () => unknown(received)))
    const decoded = message.payload.decode((received as ReadonlyArray<Val>)[1] as Val) // it has two elements
    const payload = decoded instanceof Later
      ? yield* Effect.mapError(
        decoded.effect,
        (error) => new Refused(received, () => say`the payload of ${message.tag}: ${refusal(error)}`)
      )
      : decoded
    // Each message has its handler: the compiler has seen to that.
    const handler = handlers[message.tag] as Handler
    const answer = yield* handler.call(handlers, payload) as Effect.Effect<unknown, unknown, unknown>
    const encoded = defect(`The answer of ${message.tag}`, message.success.encode(answer))
    return [encoded instanceof Later ? yield* encoded.effect : encoded]
  }

  const failure = (id: ObjectId, input: Val, error: unknown): Effect.Effect<Cause.Cause<AvmError>> =>
    effectOf(causeFor(id, input, error))

  const causeFor = (id: ObjectId, input: Val, error: unknown): Step<Cause.Cause<AvmError>> => {
    if (error instanceof Refused) {
      return succeed(Cause.fail(because(new InvalidInput({ id, input: error.input }, true), error.reason)))
    }
    const message = messageOf(input)
    if (message !== undefined && message.error.is(error)) {
      return andThen(
        defect(`The error of ${message.tag}`, message.error.encode(error)),
        (encoded) => succeed(Cause.fail(new CalleeFailed({ id, error: encoded }, true)))
      )
    }
    return succeed(isAvmError(error) ? Cause.fail(error) : Cause.die(error))
  }

  const program = Effect.catchAll(
    Effect.gen(generator),
    (error) =>
      Effect.flatMap(
        self,
        (id) => Effect.flatMap(input, (input) => Effect.flatMap(failure(id, input, error), Effect.failCause))
      )
  )

  // The handlers' own requirements are among the registration's services.
  return { program: program as Program, generator, failure }
}

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
const defect = <A, E>(what: string, step: Step<A, E>): Step<A> =>
  mapLater(step, Effect.catchAll((error) => refused(what, error)))

/** The same of the running object, which is named: where the fiber stands says whose state it is, and nothing is asked. */
const ofSelf = <A, E>(what: string, name: string, step: Step<A, E>): Step<A> =>
  mapLater(
    step,
    Effect.catchAll((error) =>
      Effect.flatMap(FiberRef.get(current), (cell) => refused(`${what} of ${name}(${cell?.frame.self.value})`, error))
    )
  )

const refused = (what: string, error: unknown): Effect.Effect<never> =>
  Effect.dieMessage(
    `${what} is refused by its own schema: ${ParseResult.isParseError(error) ? error.message : String(error)}`
  )
