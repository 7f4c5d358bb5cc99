/**
 * Runs a program of one fiber and records what a trace alone does not say: who called, when a call began, what a state
 * became.
 */
import { Avm, type ControllerId, IdGenerator, ObjectId, Trace, type TraceEvent, type Val } from "@effect-avm/core"
import type { Recording } from "@effect-avm/diagram"
import { Effect, Layer, Option, Stream } from "effect"

/** The first id that is given out is the root frame's. */
export const record = <A, E, R>(
  program: Effect.Effect<A, E, R> & Avm.Runnable<R>,
  knowledge: Recording.Knowledge,
  provide: (
    effect: ReturnType<typeof Avm.runTraced<A, E, R>>
  ) => Effect.Effect<Avm.Execution<A, E>, never, Avm.Platform>
): Effect.Effect<Recording.Recording> =>
  Effect.suspend(() => {
    const entries: Array<TraceEvent.TraceEntry> = []
    const details: Array<Recording.Later> = []
    const root = ObjectId.make("o1")
    const frames = [root]
    const keep = Layer.succeed(Trace.Trace, {
      enabled: true,
      append: (_: string, entry: TraceEvent.TraceEntry) => Effect.sync(() => void entries.push(entry)),
      stream: Stream.empty
    })
    const watch = Avm.intercept((instruction, execute) =>
      Effect.suspend(() => {
        const since = entries.length
        const by = frames[frames.length - 1]
        // The arguments of these instructions, by their definitions.
        const args = instruction.args as {
          readonly id: ObjectId.ObjectId
          readonly state: Val.Val
          readonly controller: Option.Option<ControllerId.ControllerId>
        }
        const isCall = instruction._tag === "Obj.call"
        if (isCall) frames.push(args.id)
        return Effect.onExit(execute, (exit) =>
          Effect.sync(() => {
            if (isCall) frames.pop()
            if (exit._tag === "Failure" || entries.length === since) return
            details.push({
              timestamp: entries.length - 1,
              by,
              ...(isCall ? { since } : {}),
              ...(instruction._tag === "Introspect.setState" ? { state: args.state } : {}),
              ...(instruction._tag === "Obj.create" ? { controller: Option.getOrUndefined(args.controller) } : {})
            })
          }))
      })
    )
    const machine = Layer.provideMerge(
      watch,
      Avm.layer().pipe(Layer.provide(IdGenerator.layerCounter), Layer.provide(Layer.merge(Avm.layerPortsMemory, keep)))
    )
    return Effect.map(Effect.provide(provide(Avm.runTraced(program)), machine), () => ({
      ...knowledge,
      programs: [{ execution: "", root }],
      details,
      entries: entries.map((entry) => ["", entry] as const)
    }))
  })
