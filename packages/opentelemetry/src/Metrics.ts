/**
 * What a machine does, in numbers: metrics of Effect, which any exporter can read (`Telemetry`, `NodeSdk`, `Metric.value`).
 *
 * The layer stands around two ports and counts what goes through them. Without it nothing is counted and nothing is paid,
 * but for `retries`, which a bracket counts itself when it has lost. Metrics belong to the process: machines that share one
 * are added up. Pinned by `test/opentelemetry/Metrics.test.ts`.
 *
 * @since 0.1.0
 */
import { type AvmError, ObjectStore, Trace, type TraceEvent } from "@effect-avm/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"

// ---------------------------------------------------------------------------
// metrics
// ---------------------------------------------------------------------------

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/**
 * `avm.transaction.commits`: transactions that took effect.
 *
 * @since 0.1.0
 * @category metrics
 */
export const commits = counter("avm.transaction.commits", "Transactions that took effect")

/**
 * `avm.transaction.aborts`: transactions that were undone, for whatever reason, conflicts included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const aborts = counter("avm.transaction.aborts", "Transactions that were undone")

/**
 * `avm.transaction.conflicts`: transactions that the store refused, because something they had read was changed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const conflicts = counter("avm.transaction.conflicts", "Transactions that were refused for a conflict")

/**
 * `avm.transaction.retries`: tries of brackets after the first, after a conflict or for `Tx.retry`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const retries = counter("avm.transaction.retries", "Tries of brackets after the first")

/**
 * `avm.calls`: calls that ended well.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls = counter("avm.calls", "Calls that ended well")

const duration = (kind: "transaction" | "instruction") =>
  Metric.fromMetricKey(MetricKey.taggedWithLabels(
    MetricKey.histogram(
      "avm.commit.duration",
      MetricBoundaries.exponential({ start: 0.01, factor: 2, count: 20 }),
      "How long the store takes to apply a commit, in milliseconds"
    ),
    [MetricLabel.make("avm.commit.kind", kind), MetricLabel.make("unit", "ms")]
  ))

/**
 * `avm.commit.duration` in milliseconds, of the commits that the store applied: those of transactions, and of single
 * instructions outside them.
 *
 * @since 0.1.0
 * @category metrics
 */
export const commitDuration = { transaction: duration("transaction"), instruction: duration("instruction") }

/**
 * `avm.snapshots.live`: snapshots that are held now. Transactions that never end show here.
 *
 * @since 0.1.0
 * @category metrics
 */
export const liveSnapshots = Metric.gauge("avm.snapshots.live", { description: "Snapshots that are held" })

/**
 * `avm.store.objects`: objects in the store.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storedObjects = Metric.gauge("avm.store.objects", { description: "Objects in the store" })

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many objects there are at the beginning. Without, all are looked at once, which takes its time on a big store. */
  readonly objects?: Effect.Effect<number, AvmError.StoreError>
}

/**
 * The same ports, counted. It goes between the ports and the machine; a store that is counted has no short way in memory,
 * so instructions take longer: `docs/concepts/observing.md` says how much.
 *
 * What others change in the store, from another process, is not in `avm.store.objects`.
 *
 * ```ts
 * import { Avm, Tx } from "@effect-avm/core"
 * import { Metrics } from "@effect-avm/opentelemetry"
 * import { Effect, Layer, Metric } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Ports = Layer.provideMerge(Metrics.layer(), Avm.layerPortsMemory)
 * const Machine = Layer.provide(Avm.layer(), Ports)
 *
 * const main = Effect.gen(function*() {
 *   const { count } = yield* Metric.value(Metrics.commits)
 *   yield* Avm.run(Tx.transact(Effect.void))
 *   return (yield* Metric.value(Metrics.commits)).count - count
 * })
 * assert.equal(await Effect.runPromise(Effect.provide(main, Machine)), 1)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  ObjectStore.ObjectStore | Trace.Trace,
  AvmError.StoreError,
  ObjectStore.ObjectStore | Trace.Trace
> =>
  Layer.scopedContext(Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const trace = yield* Trace.Trace
    const counted = yield* countStore(
      store,
      options.objects ?? Effect.map(store.scan(ObjectStore.latest), (_) => _.length)
    )
    return Context.merge(
      Context.make(ObjectStore.ObjectStore, counted),
      Context.make(Trace.Trace, countTrace(trace))
    )
  }))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const none: ReadonlyArray<MetricLabel.MetricLabel> = []

const countTrace = (trace: Trace.Service): Trace.Service => ({
  ...trace,
  enabled: true,
  append: (execution, entry, tx) => {
    counterOf(entry.event)?.unsafeUpdate(1, none)
    return trace.enabled ? trace.append(execution, entry, tx) : Exit.void
  }
})

const counterOf = ({ _tag }: TraceEvent.TraceEvent) => {
  switch (_tag) {
    case "ObjectCalled":
      return calls
    case "TransactionCommitted":
      return commits
    case "TransactionAborted":
      return aborts
  }
}

const countStore = (store: ObjectStore.Service, initial: Effect.Effect<number, AvmError.StoreError>) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    // What this layer has added to the gauges, to be taken away at its end.
    let [snapshots, objects] = [0, 0]
    const holding = (change: number): void => {
      snapshots += change
      liveSnapshots.unsafeModify(change, none)
    }
    const storing = (change: number): void => {
      objects += change
      if (change !== 0) storedObjects.unsafeModify(change, none)
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        holding(-snapshots)
        storing(-objects)
      })
    )
    storing(yield* initial)
    const ended = (changes: ObjectStore.ChangeSet, outcome: ObjectStore.Outcome, from: bigint): void => {
      const kind = changes.snapshot === ObjectStore.latest ? "instruction" : "transaction"
      if (outcome._tag === "Committed") {
        commitDuration[kind].unsafeUpdate(Number(clock.unsafeCurrentTimeNanos() - from) / 1e6, none)
        storing(changes.creates.length - changes.destroys.length)
      } else if (outcome._tag === "Conflicted" && kind === "transaction") conflicts.unsafeUpdate(1, none)
    }
    return ObjectStore.ObjectStore.of({
      ...store,
      snapshot: Effect.tap(store.snapshot, () => Effect.sync(() => holding(1))),
      release: (snapshot) => Effect.zipRight(Effect.sync(() => holding(-1)), store.release(snapshot)),
      commit: (changes, enlisted) =>
        Effect.suspend(() => {
          const from = clock.unsafeCurrentTimeNanos()
          return Effect.map(store.commit(changes, enlisted), (outcome) => {
            ended(changes, outcome, from)
            return outcome
          })
        })
    })
  })
