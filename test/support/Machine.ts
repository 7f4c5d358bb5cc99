/**
 * A machine for tests: counter ids, a switchboard, every entry of the trace kept by execution, and the behaviours of the
 * testkit, which the model runs as well.
 */
import {
  Avm,
  Behaviour,
  ControllerId,
  IdGenerator,
  MachineId,
  type Mailboxes,
  type ObjectStore,
  Pure,
  Reachability,
  Reflect,
  Reify,
  Scheduling,
  Trace,
  type TraceEvent
} from "@effect-avm/core"
import { Script } from "@effect-avm/testkit"
import { Effect, Layer, Option, Stream } from "effect"
import { quiet } from "./Quiet.js"

export interface Options {
  readonly behaviours: Readonly<Record<string, Script.Script>>
  readonly home: string | null | undefined
  readonly machine?: string | undefined
  readonly unreachable: { readonly machines: ReadonlyArray<string>; readonly controllers: ReadonlyArray<string> }
  readonly receive?: "none" | undefined
}

/** The entries of each execution, as they come. */
export type Entries = Map<string, Array<TraceEvent.TraceEntry>>

export type Platform =
  | Avm.Platform
  | ObjectStore.ObjectStore
  | Mailboxes.Mailboxes
  | Reachability.Reachability
  | Reachability.Switchboard

/** All unsafe instructions are granted. */
export const allUnsafe = Avm.layerUnsafe(Reflect.UnsafeReflect, Reify.UnsafeReify, Pure.UnsafePure)

export const layer = <E>(
  options: Options,
  store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes, E>,
  entries: Entries
): Layer.Layer<Platform, E> => {
  const trace = Layer.succeed(Trace.Trace, {
    enabled: true,
    append: (execution, entry) =>
      Effect.sync(() => {
        const known = entries.get(execution)
        if (known === undefined) entries.set(execution, [entry])
        else known.push(entry)
      }),
    stream: Stream.empty
  })
  const machine: Layer.Layer<Platform, E> = Avm.layer({
    homeController: Option.map(Option.fromNullable(options.home), ControllerId.make),
    ...(options.machine === undefined ? {} : { machine: MachineId.make(options.machine) }),
    ...(options.receive === undefined ? {} : { receive: options.receive }),
    // One after the other, when they are told to: as the model runs them.
    turns: { run: "manual", concurrency: 1 }
  }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(store, Reachability.layerTest, IdGenerator.layerCounter, trace, Scheduling.layerFair)
    ),
    Layer.tap((context) => Effect.provide(cutOff(options), context))
  )
  // Programs that are made up have messages that are given up.
  return Object.entries(options.behaviours).reduce(
    (machine, [name, script]) =>
      Layer.provideMerge(Layer.provide(Behaviour.layerRaw(name, Script.toEffect(script)), allUnsafe), machine),
    Layer.merge(machine, quiet)
  )
}

const cutOff = ({ unreachable }: Options) =>
  Effect.gen(function*() {
    const switchboard = yield* Reachability.Switchboard
    for (const name of unreachable.machines) yield* switchboard.setMachine(MachineId.make(name), false)
    for (const name of unreachable.controllers) yield* switchboard.setController(ControllerId.make(name), false)
  })

/** What a toggle of a script does to the platform: off if it was on, on if it was off. */
export const toggle = (
  toggle: Script.Toggle
): Effect.Effect<void, never, Reachability.Reachability | Reachability.Switchboard> =>
  Effect.gen(function*() {
    const reachability = yield* Reachability.Reachability
    const switchboard = yield* Reachability.Switchboard
    if (toggle.what === "machine") {
      const id = MachineId.make(toggle.name)
      yield* switchboard.setMachine(id, !(yield* reachability.machine(id)))
    } else {
      const id = ControllerId.make(toggle.name)
      yield* switchboard.setController(id, !(yield* reachability.controller(id)))
    }
  })
