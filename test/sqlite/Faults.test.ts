/**
 * A driver that fails at the n-th statement, for every n of a workload: memory and file are equal afterwards, they have
 * all that was answered, and nothing of what was refused.
 */
import { type AvmError, ControllerId, MachineId, ObjectStore } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { Chunk, Effect, Exit, Fiber, Layer, Option, STM, TRef } from "effect"
import fc from "fast-check"
import { checks } from "../../packages/cli/src/internal/checks.js"
import { dump, type Fault, faulty, id, newFile, withDriver, withStore } from "./support.js"

// ---------------------------------------------------------------------------
// the workload
// ---------------------------------------------------------------------------

const [a, b, c, d] = [id("a"), id("b"), id("c"), id("d")]
const ids = [a, b, c, d]
const names = ["double"]
const owner = ControllerId.make("C1")
const [m0, m1] = [MachineId.make("m0"), MachineId.make("m1")]

const creation = (of: typeof a, state: number): ObjectStore.Creation => ({
  behaviour: "cell",
  metadata: { id: of, machine: m0, creatingController: Option.some(owner), currentController: Option.some(owner) },
  state
})

const accepted = (input: number): ObjectStore.Accepted => ({
  input,
  sender: Option.some(b),
  answers: [{ instruction: "asked", answer: input }]
})

const replica = (...inputs: ReadonlyArray<number>): Option.Option<ObjectStore.Replica> =>
  Option.some({ state: inputs.length, accepted: Chunk.fromIterable(inputs.map(accepted)) })

type Step = "function" | Partial<ObjectStore.ChangeSet> & { readonly enlisted?: keyof typeof enlisted }

const enlisted = { done: STM.void, waits: STM.retry }

/** Each list is committed at once, so that it shares one write. */
const groups: ReadonlyArray<ReadonlyArray<Step>> = [
  [{ creates: [creation(a, 1), creation(b, 2)] }],
  [{ states: [[a, 10]], inputs: [[a, accepted(1)]] }, { states: [[a, 11]] }, { inputs: [[b, accepted(2)]] }],
  [{ transfers: [[b, ControllerId.make("C2")]], moves: [[a, m1]] }, { creates: [creation(c, 3)] }],
  ["function"],
  [{ replicas: [[a, m0, replica(1)]] }, { replicas: [[a, m0, replica(1, 2)]] }, { states: [[c, 30]] }],
  [{ destroys: [b] }, { creates: [creation(d, 4)], inputs: [[d, accepted(3)]] }],
  [{ replicas: [[a, m0, Option.none()]] }, { destroys: [d] }]
]

/** The objects that have to be there. */
const touched = (step: Partial<ObjectStore.ChangeSet>): ReadonlyArray<typeof a> => {
  const created = new Set(step.creates?.map(({ metadata }) => metadata.id))
  const { destroys = [], inputs = [], moves = [], replicas = [], states = [], transfers = [] } = step
  const all = [...states, ...transfers, ...moves, ...replicas, ...inputs].map(([of]) => of)
  return [...all, ...destroys].filter((of) => !created.has(of))
}

const perform = (store: ObjectStore.Service, step: Step): Effect.Effect<boolean, AvmError.StoreError> =>
  step === "function"
    ? store.writeFunction("double", { version: 0, hash: "h" }, Option.none())
    : Effect.map(
      store.commit(
        {
          ...ObjectStore.noChanges,
          reads: new Map(touched(step).map((id) => [id.value, { id, exists: true }])),
          ...step
        },
        step.enlisted && enlisted[step.enlisted]
      ),
      (outcome) => outcome._tag === "Committed"
    )

/** Whatever cannot be done because something before it was not is left out, as by a program that looks first. */
const possible = (store: ObjectStore.Service, step: Step): Effect.Effect<boolean, AvmError.StoreError> =>
  step === "function" ? Effect.succeed(true) : Effect.zipWith(
    Effect.every(touched(step), (of) =>
      Effect.map(
        store.read(of, ObjectStore.latest),
        (stored) => Option.isSome(stored) && stored.value._tag === "StoredObject"
      )),
    Effect.every(
      step.creates ?? [],
      ({ metadata }) => Effect.map(store.read(metadata.id, ObjectStore.latest), Option.isNone)
    ),
    (isThere, isNew) => isThere && isNew
  )

/** What was acknowledged, in the order of the commits. */
const work = (
  store: ObjectStore.Service,
  workload: ReadonlyArray<ReadonlyArray<Step>>
): Effect.Effect<ReadonlyArray<Step>> =>
  Effect.gen(function*() {
    const done: Array<Step> = []
    for (const group of workload) {
      const fibers: Array<Fiber.Fiber<Exit.Exit<boolean, AvmError.StoreError>>> = []
      const tried = yield* Effect.filter(group, (step) => Effect.orElseSucceed(possible(store, step), () => false))
      for (const step of tried) fibers.push(yield* Effect.fork(Effect.exit(perform(store, step))))
      for (const [index, exit] of (yield* Effect.forEach(fibers, Fiber.join)).entries()) {
        const step = tried[index]
        if (Exit.isSuccess(exit) && exit.value && step !== undefined) done.push(step)
        else if (Exit.isFailure(exit)) assert.strictEqual(exit.cause._tag, "Fail", `a defect: ${exit.cause}`)
      }
    }
    return done
  })

const inMemory = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    yield* Effect.forEach(steps, (step) => perform(store, step))
    return yield* dump(store, ids, names)
  }).pipe(Effect.provide(Layer.fresh(ObjectStore.layerMemory)))

// ---------------------------------------------------------------------------
// the tests
// ---------------------------------------------------------------------------

/** Statements that the workload makes when nothing fails. */
const statements = (cacheBytes: number) =>
  Effect.gen(function*() {
    const counting = faulty()
    const filename = yield* newFile
    return yield* withStore(
      filename,
      (store) =>
        Effect.suspend(() => {
          const before = counting.count
          return Effect.map(work(store, groups), () => counting.count - before)
        }),
      { cacheBytes }
    ).pipe(withDriver(counting.driver))
  }).pipe(Effect.scoped)

/** What was done and is in the file, where memory has the same. */
const worked = (
  cacheBytes: number,
  workload: ReadonlyArray<ReadonlyArray<Step>>,
  fault: (n: number) => Fault,
  healed: boolean
) =>
  Effect.gen(function*() {
    const filename = yield* newFile
    const failing = faulty()
    const { done, memory } = yield* withStore(filename, (store) =>
      Effect.gen(function*() {
        const before = failing.count
        failing.fault = (n) => fault(n - before)
        const done = yield* work(store, workload)
        if (healed) failing.fault = () => "none"
        return { done, memory: yield* dump(store, ids, names) }
      }), { cacheBytes }).pipe(withDriver(failing.driver))
    const file = yield* withStore(filename, (store) => dump(store, ids, names))
    assert.strictEqual(memory, file)
    return { done, file, filename }
  })

const survives = (cacheBytes: number, fault: (n: number) => Fault, healed: boolean) =>
  Effect.gen(function*() {
    const { done, file } = yield* worked(cacheBytes, groups, fault, healed)
    assert.strictEqual(file, yield* inMemory(done))
    return done.length
  }).pipe(Effect.scoped)

describe("a statement that fails", () => {
  const total = groups.flat().length

  for (const cacheBytes of [2 ** 20, 0]) {
    const what = cacheBytes === 0 ? " (without a cache)" : ""

    it.live(`leaves memory and file equal, whichever it is${what}`, () =>
      Effect.gen(function*() {
        const count = yield* statements(cacheBytes)
        assert.isAbove(count, 40)
        let refused = 0
        for (let at = 1; at <= count; at++) {
          const done = yield* survives(cacheBytes, (n) => n === at ? "fails" : "none", false)
          if (done < total) refused++
        }
        // It was not all for nothing: nearly every statement matters to somebody.
        assert.isAbove(refused, count / 2)
      }))
  }

  it.live("that was done all the same: what the file has is what is answered", () =>
    Effect.gen(function*() {
      const count = yield* statements(2 ** 20)
      for (let at = 1; at <= count; at++) {
        yield* survives(2 ** 20, (n) => n === at ? "done and fails" : "none", false)
      }
    }))

  it.live("and all after it, until the disk is back", () =>
    Effect.gen(function*() {
      const count = yield* statements(2 ** 20)
      for (let at = 1; at <= count; at++) {
        yield* survives(2 ** 20, (n) => n >= at ? "fails" : "none", true)
      }
    }))
})

describe("generated commits, where several statements in a row fail", () => {
  const seed = process.env.SEED === undefined ? Date.now() : Number(process.env.SEED)
  const numRuns = process.env.SOAK === undefined ? 60 : 3000

  const id = fc.constantFrom(...ids)
  const input = fc.tuple(id, fc.nat(9).map(accepted))
  const state = fc.tuple(id, fc.nat(9))
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ creates: fc.tuple(id.map((of) => creation(of, 0))), inputs: fc.array(input, { maxLength: 2 }) }),
    fc.record({ inputs: fc.array(input, { minLength: 1, maxLength: 2 }) }),
    fc.record({
      states: fc.uniqueArray(state, { maxLength: 2, selector: ([of]) => of }),
      inputs: fc.array(input, { maxLength: 2 })
    }),
    fc.record({
      states: fc.tuple(state),
      inputs: fc.tuple(input),
      enlisted: fc.constantFrom<"done" | "waits">("done", "waits")
    }),
    fc.record({ destroys: fc.tuple(id), inputs: fc.array(input, { maxLength: 1 }) }),
    fc.record({ moves: fc.tuple(fc.tuple(id, fc.constantFrom(m0, m1))) })
  )
  const workload = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 })
  const burst = fc.record({ at: fc.nat(120), length: fc.nat(3), done: fc.boolean() })

  it.live("memory and file are equal, and every rule of the file holds", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(workload, burst, fc.constantFrom(0, 2 ** 20), (workload, { at, done, length }, cacheBytes) =>
          Effect.runPromise(Effect.scoped(Effect.gen(function*() {
            // Creations first: without objects there is nothing to be done.
            const all = [ids.map((of): Step => ({ creates: [creation(of, 0)] })), ...workload]
            const fault = (n: number): Fault =>
              n < at || n > at + length ? "none" : done && n === at ? "done and fails" : "fails"
            const { filename } = yield* worked(cacheBytes, all, fault, true)
            const db = new Database(filename, { readonly: true })
            for (const { sql, what } of checks) assert.deepStrictEqual(db.prepare(sql).all(), [], what)
            db.close()
          })))),
        { seed, numRuns }
      )
    ))
})

describe("enlisted STM (A41)", () => {
  const change = { ...ObjectStore.noChanges, states: [[a, 5] as const] }

  it.live("comes after the SQL and before COMMIT", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const watching = faulty()
      const filename = yield* newFile
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          yield* perform(store, { creates: [creation(a, 1)] })
          watching.fault = (_, sql) => {
            log.push(sql.split(" ")[0] ?? "")
            return "none"
          }
          yield* store.commit(change, STM.sync(() => log.push("STM")))
        })).pipe(withDriver(watching.driver))
      assert.deepStrictEqual(log.slice(0, 5), ["BEGIN", "UPDATE", "UPDATE", "STM", "COMMIT"])
    }).pipe(Effect.scoped))

  it.live("is not run where the SQL fails; where COMMIT fails it has taken effect, and the objects have not", () =>
    Effect.gen(function*() {
      for (const [sql, expected] of [["UPDATE", 0], ["COMMIT", 1]] as const) {
        const failing = faulty()
        const filename = yield* newFile
        const ref = yield* STM.commit(TRef.make(0))
        yield* withStore(filename, (store) =>
          Effect.gen(function*() {
            yield* perform(store, { creates: [creation(a, 1)] })
            failing.fault = (_, statement) => statement.startsWith(sql) ? "fails" : "none"
            const error = yield* Effect.flip(store.commit(change, TRef.set(ref, 1)))
            assert.strictEqual(error._tag, "StoreError")
            failing.fault = () => "none"
            assert.match(yield* dump(store, [a], []), /a: cell m0 C1 C1 1 /)
          })).pipe(withDriver(failing.driver))
        assert.strictEqual(yield* STM.commit(TRef.get(ref)), expected)
      }
    }).pipe(Effect.scoped))
})

describe("who has read what then was not written", () => {
  const read = (store: ObjectStore.Service, snapshot: ObjectStore.Snapshot) =>
    Effect.map(
      store.read(a, snapshot),
      (stored) => Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value : assert.fail("missing")
    )

  /** A commit is queued, a transaction sees it, and it fails to be written. */
  const early = (
    body: (
      store: ObjectStore.Service,
      snapshot: ObjectStore.Snapshot,
      seen: ObjectStore.StoredObject
    ) => Effect.Effect<void, unknown>
  ) =>
    Effect.gen(function*() {
      const failing = faulty()
      const filename = yield* newFile
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          yield* perform(store, { creates: [creation(a, 1)] })
          failing.fault = (_, sql) => sql === "COMMIT" ? "fails" : "none"
          const first = yield* Effect.fork(Effect.flip(perform(store, { states: [[a, 2]] })))
          const second = yield* Effect.fork(Effect.gen(function*() {
            const snapshot = yield* store.snapshot
            yield* body(store, snapshot, yield* read(store, snapshot))
          }))
          assert.strictEqual((yield* Fiber.join(first))._tag, "StoreError")
          yield* Fiber.join(second)
          failing.fault = () => "none"
          assert.match(yield* dump(store, [a], []), /a: cell m0 C1 C1 1 /)
        })).pipe(withDriver(failing.driver))
    }).pipe(Effect.scoped)

  it.live("fails to commit", () =>
    early((store, snapshot, seen) =>
      Effect.gen(function*() {
        assert.strictEqual(seen.state, 2)
        const reads = new Map([[a.value, { id: a, exists: true, state: seen.stateVersion }]])
        const error = yield* Effect.flip(store.commit({
          ...ObjectStore.noChanges,
          snapshot,
          reads,
          inputs: [[a, accepted(9)]]
        }))
        assert.strictEqual(error._tag, "StoreError")
        yield* store.release(snapshot)
      })
    ))

  it.live("fails to commit with an STM, whose write comes after that one", () =>
    Effect.gen(function*() {
      const failing = faulty()
      yield* withStore(":memory:", (store) =>
        Effect.gen(function*() {
          yield* perform(store, { creates: [creation(a, 1)] })
          failing.fault = (_, sql) => sql === "COMMIT" ? "fails" : "none"
          const lost = yield* Effect.fork(Effect.flip(perform(store, { creates: [creation(b, 1)] })))
          yield* Effect.yieldNow()
          const snapshot = yield* store.snapshot
          const seen = new Set((yield* store.scan(snapshot)).map(({ metadata }) => metadata.id.value))
          assert.isTrue(seen.has("b"))
          const scans = [{ predicate: () => true, answer: seen }]
          const isWell = STM.sync(() => {
            failing.fault = () => "none"
          })
          const error = yield* Effect.flip(
            store.commit({ ...ObjectStore.noChanges, snapshot, scans, states: [[a, seen.size]] }, isWell)
          )
          assert.match(String(error), /lost in a failed write/)
          assert.strictEqual((yield* Fiber.join(lost))._tag, "StoreError")
          failing.fault = () => "none"
          assert.match(yield* dump(store, [a], []), /a: cell m0 C1 C1 1 /)
        })).pipe(withDriver(failing.driver))
    }))

  it.live("is told when it lets go, if it only read", () =>
    early((store, snapshot, seen) =>
      Effect.gen(function*() {
        assert.strictEqual(seen.state, 2)
        assert.match(String(yield* Effect.flip(store.release(snapshot))), /lost in a failed write/)
      })
    ))

  it.live("reads nothing more, and then may go", () =>
    early((store, snapshot) =>
      Effect.gen(function*() {
        yield* Effect.sleep("5 millis")
        assert.match(String(yield* Effect.flip(read(store, snapshot))), /lost in a failed write/)
        yield* store.release(snapshot)
      })
    ))
})

describe("a commit with an STM, after a write of which not even that could be asked what became of it", () => {
  const cases = [["UPDATE clock SET version = ? WHERE one = 1", "fails"], ["COMMIT", "done and fails"]] as const
  for (const [statement, how] of cases) {
    it.live(`begins with what the file has (${statement} ${how})`, () =>
      Effect.gen(function*() {
        const failing = faulty()
        const filename = yield* newFile
        const before = yield* withStore(filename, (store) =>
          Effect.gen(function*() {
            yield* perform(store, { creates: [creation(a, 1), creation(b, 1)] })
            yield* perform(store, { inputs: [[a, accepted(1)]] })
            let faults = 0
            failing.fault = (_, sql) => {
              if (faults === 1) return faults++ === 1 ? "fails" : "none"
              if (faults > 0 || sql !== statement) return "none"
              faults++
              return how
            }
            const first = yield* Effect.fork(
              Effect.exit(perform(store, { inputs: [[a, accepted(2)]], states: [[b, 7]] }))
            )
            yield* Effect.yieldNow()
            const outcome = yield* store.commit({ ...ObjectStore.noChanges, inputs: [[a, accepted(3)]] }, STM.void)
            assert.strictEqual(outcome._tag, "Committed")
            assert(Exit.isFailure(yield* Fiber.join(first)))
            return yield* dump(store, [a, b], [])
          })).pipe(withDriver(failing.driver))
        assert.strictEqual(yield* withStore(filename, (store) => dump(store, [a, b], [])), before)
      }).pipe(Effect.scoped))
  }
})
