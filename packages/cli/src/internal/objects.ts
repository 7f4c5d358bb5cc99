/**
 * `avm objects`: what a store holds, as a list, or one object with its state and history.
 */
import { type ObjectStore, Val } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type CliError, StoreFailed, UnknownId } from "../CliError.js"
import { Term } from "../Term.js"
import { encoding, jsonLine, jsonLines, note, out, paintOf, table } from "./printing.js"
import { failed, layer, objectId, Store } from "./reading.js"
import type { Row } from "./table.js"
import { counted, cut, printable, shortIds, showBriefly, showVal } from "./text.js"

export interface Options {
  readonly id: Option.Option<string>
  readonly store: string
  readonly behaviour: Option.Option<string>
  readonly controller: Option.Option<string>
  readonly machine: Option.Option<string>
  readonly json: boolean
}

export const objects = (options: Options): Effect.Effect<void, CliError, Term> =>
  Effect.provide(
    Option.match(options.id, { onNone: () => list(options), onSome: (id) => one(options, id) }),
    layer(options.store)
  )

// ---------------------------------------------------------------------------
// the list
// ---------------------------------------------------------------------------

const header = ["id", "behaviour", "controller", "machine", "state"]

const list = (options: Options): Effect.Effect<void, CliError, Store | Term> =>
  Effect.gen(function*() {
    const { reader } = yield* Store
    let unreadable = 0
    const found = Stream.filter(Stream.mapError(reader.objects, failed), (object) => isAsked(options, object)).pipe(
      Stream.map((object) => {
        const state = stateOf(object)
        if (Option.isNone(state)) unreadable++
        return { object, state }
      })
    )
    if (options.json) yield* jsonLines(found, ({ object, state }) => toJson(object, state))
    else {
      const count = yield* table(found, header, ({ object, state }) => toRow(object, state))
      yield* note(count === 0 ? "no objects" : counted(count, "object"))
    }
    if (unreadable > 0) {
      const states = unreadable === 1 ? "the state of 1 object" : `the states of ${unreadable} objects`
      return yield* new StoreFailed({ reason: `${states} cannot be read: see avm verify` })
    }
  })

const isAsked = ({ behaviour, controller, machine }: Options, object: ObjectStore.StoredObject): boolean =>
  Option.match(behaviour, { onNone: () => true, onSome: (name) => object.behaviour === name }) &&
  Option.match(controller, {
    onNone: () => true,
    onSome: (name) => Option.exists(object.metadata.currentController, (owner) => owner === name)
  }) &&
  Option.match(machine, { onNone: () => true, onSome: (name) => object.metadata.machine === name })

/** None where its bytes are malformed: then asking for it throws, and everything else of the object can be seen. */
const stateOf = (object: ObjectStore.StoredObject): Option.Option<Val.Val> => Option.liftThrowable(() => object.state)()

const name = (text: string): string => printable(cut(shortIds(text), 200))

const toRow = ({ behaviour, metadata }: ObjectStore.StoredObject, state: Option.Option<Val.Val>): Row => [
  name(metadata.id.value),
  { text: name(behaviour), style: "cyan" },
  name(Option.getOrElse(metadata.currentController, () => "-")),
  name(metadata.machine),
  Option.match(state, { onNone: () => ({ text: "unreadable", style: "red" as const }), onSome: showBriefly })
]

const encodeVal = encoding(Val.ValFromJson)

const toJson = (object: ObjectStore.StoredObject, state: Option.Option<Val.Val>) => {
  const { behaviour, metadata, metadataVersion, replicas, replicasVersion, stateVersion } = object
  return {
    id: metadata.id.value,
    behaviour,
    creatingController: Option.getOrNull(metadata.creatingController),
    controller: Option.getOrNull(metadata.currentController),
    machine: metadata.machine,
    ...Option.match(state, {
      onNone: () => ({ unreadable: true }),
      onSome: (state) => ({ state: encodeVal(state) })
    }),
    replicas: [...replicas].map(([machine, replica]) => ({
      machine,
      state: encodeVal(replica.state),
      accepted: [...replica.accepted].map(acceptedToJson)
    })),
    versions: { metadata: metadataVersion, state: stateVersion, replicas: replicasVersion }
  }
}

// ---------------------------------------------------------------------------
// one
// ---------------------------------------------------------------------------

const one = (options: Options, written: string): Effect.Effect<void, CliError, Store | Term> =>
  Effect.gen(function*() {
    const { filename, reader } = yield* Store
    const id = yield* objectId(written)
    const found = yield* Effect.mapError(reader.object(id), failed)
    if (Option.isNone(found)) {
      return yield* new UnknownId({ store: filename, what: "object", id: id.value, candidates: [] })
    }
    const stored = found.value
    const history = yield* Effect.mapError(reader.history(id), failed)
    if (options.json) {
      return yield* jsonLine({
        ...stored._tag === "Tombstone"
          ? { id: id.value, destroyed: stored.version }
          : toJson(stored, stateOf(stored)),
        history: history.map(acceptedToJson)
      })
    }
    const paint = paintOf(yield* Term)
    const line = (label: string, text: string) => out(`${paint("bold", label.padEnd(12))}${text}`)
    yield* line("id", printable(id.value))
    if (stored._tag === "Tombstone") yield* line("destroyed", `in commit ${stored.version}`)
    else {
      const { behaviour, metadata, replicas } = stored
      yield* line("behaviour", printable(behaviour))
      yield* line("controller", printable(Option.getOrElse(metadata.currentController, () => "-")))
      yield* line("created by", printable(Option.getOrElse(metadata.creatingController, () => "-")))
      yield* line("machine", printable(metadata.machine))
      yield* line("versions", `metadata ${stored.metadataVersion}, state ${stored.stateVersion}`)
      yield* line("state", Option.match(stateOf(stored), { onNone: () => "unreadable", onSome: whole }))
      for (const [machine, { accepted, state }] of replicas) {
        yield* line("replica", `on ${printable(machine)}, ${accepted.length} accepted since: ${whole(state)}`)
      }
    }
    yield* out("")
    if (history.length === 0) return yield* out("It has accepted no message.")
    yield* table(
      Stream.zipWithIndex(Stream.fromIterable(history)),
      ["message", "sender", "answers", "input"],
      ([{ answers, input, sender }, index]) => [
        String(index + 1),
        Option.match(sender, { onNone: () => "-", onSome: ({ value }) => name(value) }),
        answers.length === 0 ? "-" : String(answers.length),
        showVal(input)
      ]
    )
  })

/** On its own line there is room for more of it. */
const whole = (val: Val.Val): string => cut(printable(shortIds(Val.format(val))), 100_000)

const acceptedToJson = ({ answers, input, sender }: ObjectStore.Accepted) => ({
  sender: Option.match(sender, { onNone: () => null, onSome: ({ value }) => value }),
  input: encodeVal(input),
  answers: answers.map(({ answer, instruction }) => ({
    instruction: encodeVal(instruction),
    answer: encodeVal(answer)
  }))
})
