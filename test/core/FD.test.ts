/**
 * Variables over finite domains: the instructions, searches by label and abort and by `FD.search`, models; the answers that
 * are known, and those that trying everything gives.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  Constraint,
  ControllerId,
  FD,
  Introspect,
  Obj,
  Reify,
  Tx,
  type Val
} from "@effect-avm/core"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inMemory, machineOn, type StoreLayer, stores } from "../support/Stores.js"

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

type Program<A, E> = Effect.Effect<
  A,
  E,
  | FD.FD
  | Tx.Tx
  | Tx.OutsideTx
  | Introspect.Introspect
  | Obj.Obj
  | Reify.UnsafeReify
>

const on = (store: StoreLayer) => <A, E>(program: Program<A, E>): Promise<A> =>
  Effect.runPromise(
    Avm.run(Effect.provide(program, Avm.layerUnsafe(Reify.UnsafeReify))).pipe(Effect.provide(machineOn(store)))
  )

/** Whether anything was labelled in this try. */
let labelled = false

/** All results of a body by label and abort, by hand: it is over when a try comes to no label. */
const byAbort = <A, E>(body: Program<A, E>) =>
  Effect.gen(function*() {
    const found: Array<A> = []
    for (;;) {
      labelled = false
      const id = yield* Tx.begin()
      const result = yield* Effect.either(body)
      yield* Tx.abort(id)
      if (Either.isRight(result)) found.push(result.right)
      else if (!labelled) return found
    }
  })

const local = ControllerId.make("local")

class DeadEnd extends Data.TaggedError("DeadEnd")<{}> {}

const ensure = (constraint: Constraint.Constraint) =>
  Effect.flatMap(FD.post(constraint), (posted) => posted ? Effect.void : new DeadEnd())

const labels = (variables: ReadonlyArray<FD.Var<number>>) =>
  Effect.gen(function*() {
    const values: Array<number> = []
    for (const variable of variables) {
      values.push(yield* FD.label(variable))
      labelled = true
    }
    return values
  })

const variables = (count: number, domain: FD.Domain<number>) =>
  Effect.forEach(Array.from({ length: count }), () => FD.newVar(domain))

const countBySearch = <A, E>(body: Program<A, E>) =>
  // The body of a search needs no place.
  Stream.runCount(FD.search(body as Effect.Effect<A, E, FD.FD>))

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

describe.each(stores)("variables (%s)", (_, store) => {
  const run = on(store)

  it("take their values in the domain's order, of any kind (A23)", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.values<Val.Val>("b", 3, null, { a: [1n] }, "a"))
      assert.isTrue(yield* FD.narrow(x, FD.values<Val.Val>("a", null, { a: [1n] })))
      assert.deepStrictEqual(yield* FD.label(x), null)
      assert.deepStrictEqual(yield* FD.label(x), null)
    })))

  it("are narrowed by what propagates, or left as they were", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 5))
      const y = yield* FD.newVar(FD.range(1, 5))
      assert.isTrue(yield* FD.post(Constraint.lt(x, y)))
      assert.isTrue(yield* FD.post(Constraint.eq(Constraint.plus(x, y), 9)))
      assert.isFalse(yield* FD.post(Constraint.neq(x, 4)))
      assert.isFalse(yield* FD.narrow(y, FD.values<number>()))
      const { constraints, variables } = yield* Reify.constraints
      assert.deepStrictEqual(variables.map(([, domain]) => domain), [[4], [5]])
      assert.strictEqual(constraints.length, 2)
    })))

  it("have an order where their values have one", () =>
    run(Effect.gen(function*() {
      const words = FD.values("pear", "apple", "fig")
      const x = yield* FD.newVar(words)
      const y = yield* FD.newVar(words)
      assert.isTrue(yield* FD.post(Constraint.before(x, y)))
      assert.isTrue(yield* FD.post(Constraint.before(y, "pear")))
      assert.deepStrictEqual([yield* FD.label(x), yield* FD.label(y)], ["apple", "fig"])
      const half = yield* FD.newVar(FD.values(0.5, 1.5, 2.5))
      assert.isTrue(yield* FD.post(Constraint.lt(1, half)))
      assert.isTrue(yield* FD.post(Constraint.leq(half, 2)))
      assert.strictEqual(yield* FD.label(half), 1.5)
    })))

  it("of a transaction are undone by its abort, and kept by its commit (D14)", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 3))
      const first = yield* Tx.begin()
      const y = yield* FD.newVar(FD.range(1, 3))
      assert.isTrue(yield* FD.post(Constraint.lt(y, x)))
      assert.isTrue(yield* FD.narrow(x, FD.range(3, 3)))
      yield* Tx.abort(first)
      assert.deepStrictEqual(yield* Reify.constraints, { variables: [[x.id, [1, 2, 3]]], constraints: [] })
      assert.deepStrictEqual(
        yield* Effect.flip(FD.label(y)),
        new AvmError.UnknownVariable({ var: y.id })
      )
      const second = yield* Tx.begin()
      assert.isTrue(yield* FD.narrow(x, FD.range(2, 9)))
      yield* Tx.commit(second)
      assert.deepStrictEqual((yield* Reify.constraints).variables, [[x.id, [2, 3]]])
    })))

  it("are the program's, and no other's", async () => {
    const foreign = await run(FD.newVar(FD.range(1, 2)))
    const error = await run(Effect.flip(FD.post(Constraint.eq(foreign, 1))))
    assert.deepStrictEqual(error, new AvmError.UnknownVariable({ var: foreign.id }))
  })

  it("are seen by a callee of the same program, and undone with its caller's transaction", () =>
    Effect.runPromise(
      Avm.run(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 9))
        const object = yield* Obj.create("narrower", local)
        const id = yield* Tx.begin()
        yield* Obj.call(object, x.id)
        assert.strictEqual(yield* FD.label(x), 5)
        yield* Tx.abort(id)
        assert.strictEqual(yield* FD.label(x), 1)
      })).pipe(Effect.provide(Narrower), Effect.provide(machineOn(store)))
    ))

  it("of two transactions at once: the first that commits wins", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 3))
      const go = yield* Deferred.make<void>()
      const slow = yield* Effect.fork(Tx.transact(Effect.gen(function*() {
        assert.isTrue(yield* FD.narrow(x, FD.range(1, 2)))
        yield* Deferred.await(go)
        return yield* FD.label(x)
      })))
      yield* Effect.yieldNow()
      yield* Tx.transact(FD.narrow(x, FD.range(3, 3)))
      yield* Deferred.succeed(go, void 0)
      const exit = yield* Fiber.await(slow)
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(yield* FD.label(x), 3)
    })))

  it("cannot be changed in a read-only bracket (A31)", () =>
    run(Effect.gen(function*() {
      const error = yield* Effect.flip(Tx.transact(FD.newVar(FD.range(1, 2)), { readOnly: true }))
      assert.strictEqual(error._tag, "InvalidDuringTx")
    })))

  it("and constraints travel", () => {
    const x = FD.variable<number>("v1")
    const constraint = Constraint.or(
      Constraint.leq(Constraint.sum([x, Constraint.times(2, x), 3]), 4),
      Constraint.table<ReadonlyArray<number>>([x], [[1], [2]]),
      Constraint.not(Constraint.allDifferent([x, x]))
    )
    const json = JSON.parse(JSON.stringify(Schema.encodeSync(Constraint.Constraint)(constraint)))
    const back = Schema.decodeUnknownSync(Constraint.Constraint)(json)
    assert.isTrue(Equal.equals(back, constraint))
    assert.isFalse(Equal.equals(back, Constraint.not(constraint)))
  })

  it("ten thousand of them", () =>
    run(Effect.gen(function*() {
      const all = yield* variables(10_000, FD.range(0, 1))
      for (let place = 1; place < all.length; place++) {
        yield* FD.post(Constraint.neq(all[place - 1], all[place]))
      }
      assert.deepStrictEqual(yield* labels(all), Array.from({ length: 10_000 }, (_, place) => place % 2))
    })))
})

describe.each(stores)("bad input (%s)", (_, store) => {
  const run = on(store)

  const failsWith = (name: string, program: Program<unknown, { readonly _tag: string }>, expected: object) =>
    it(name, async () => {
      const error = await run(Effect.flip(program))
      assert.deepStrictEqual({ ...error }, { ...error, ...expected })
    })

  failsWith("an empty domain", FD.newVar(FD.range(2, 1)), { _tag: "EmptyDomain" })
  failsWith("a domain of no values", FD.newVar(FD.values()), { _tag: "EmptyDomain" })
  failsWith("a value that is none", FD.newVar(FD.values(NaN)), { _tag: "InvalidVal", path: [0], found: "NaN" })
  failsWith("a range that is too long", FD.newVar(FD.range(0, Infinity)), { _tag: "InvalidConstraint" })
  failsWith("an unknown variable", FD.narrow(FD.variable("v"), FD.range(1, 2)), { _tag: "UnknownVariable", var: "v" })
  failsWith(
    "values without an order",
    Effect.flatMap(
      FD.newVar(FD.values<Val.Val>("a", 1)),
      // What the types refuse.
      (x) => FD.post(Constraint.lt(x as Constraint.Term<number>, 3))
    ),
    { _tag: "InvalidConstraint" }
  )
  failsWith(
    "a sum of what is no integer",
    Effect.flatMap(FD.newVar(FD.values(0.5, 1)), (x) => FD.post(Constraint.eq(Constraint.plus(x, 1), 2))),
    { _tag: "InvalidConstraint" }
  )
  failsWith(
    "rows that do not fit",
    Effect.flatMap(
      FD.newVar(FD.range(1, 2)),
      (x) => FD.post(Constraint.table<ReadonlyArray<Val.Val>>([x], [[1, 2]]))
    ),
    { _tag: "InvalidConstraint" }
  )

  it("a label after failure", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 1))
      const y = yield* FD.newVar(FD.range(1, 2))
      yield* Effect.flip(Tx.transact(Effect.zipRight(FD.label(x), Effect.fail("no"))))
      const id = yield* Tx.begin()
      assert.deepStrictEqual(yield* Effect.flip(FD.label(x)), new AvmError.EmptyDomain({ var: x.id }))
      assert.deepStrictEqual(yield* Effect.flip(FD.label(y)), new AvmError.EmptyDomain({ var: y.id }))
      yield* Tx.abort(id)
      assert.strictEqual(yield* FD.label(y), 1)
    })))
})

// ---------------------------------------------------------------------------
// searching
// ---------------------------------------------------------------------------

describe.each(stores)("label and abort (D28) (%s)", (_, store) => {
  const run = on(store)

  it("go through all values, and begin anew after a commit", () =>
    run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.values("c", "a", "b"))
      const attempt = (end: "abort" | "commit") =>
        Effect.gen(function*() {
          const id = yield* Tx.begin()
          const value = yield* Effect.option(FD.label(x))
          yield* Tx[end](id)
          return Option.getOrUndefined(value)
        })
      const tried = [yield* attempt("abort"), yield* attempt("abort"), yield* attempt("abort"), yield* attempt("abort")]
      assert.deepStrictEqual(tried, ["c", "a", "b", undefined])
      yield* Tx.commit(yield* Tx.begin())
      assert.deepStrictEqual([yield* attempt("abort"), yield* attempt("commit")], ["c", "a"])
      assert.strictEqual(yield* FD.label(x), "a")
    })))

  it("are a search for each frame, and a lost race is no dead end", () =>
    Effect.runPromise(
      Avm.run(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 3))
        const cell = yield* Obj.create("cell", local)
        yield* Effect.flip(Tx.transact(Effect.zipRight(FD.label(x), Effect.fail("no"))))
        const id = yield* Tx.begin()
        yield* Obj.call(cell, "read")
        assert.strictEqual(yield* FD.label(x), 2)
        // Somebody else is faster.
        yield* Avm.run(Obj.call(cell, "write"))
        const error = yield* Effect.flip(Tx.commit(id))
        assert.strictEqual(error._tag, "TxConflict")
        const again = yield* Tx.begin()
        assert.strictEqual(yield* FD.label(x), 2)
        yield* Tx.abort(again)
      })).pipe(Effect.provide(CellLive), Effect.provide(machineOn(store)))
    ))

  it("are none of the business of another transaction of the frame that labels the same variable meanwhile", () =>
    Effect.runPromise(
      Avm.run(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 3))
        const cell = yield* Obj.create("cell", local)
        const [go, labelled, end] = yield* Effect.all([Deferred.make(), Deferred.make(), Deferred.make()])
        const other = yield* Effect.fork(Effect.zipRight(
          Deferred.await(go),
          Tx.transact(Effect.all([FD.label(x), Deferred.succeed(labelled, undefined), Deferred.await(end)]))
        ))
        const id = yield* Tx.begin()
        yield* Obj.call(cell, "read")
        yield* FD.post(Constraint.neq(x, 1))
        assert.strictEqual(yield* FD.label(x), 2)
        yield* Deferred.succeed(go, undefined)
        yield* Deferred.await(labelled)
        // A lost race: as if it had labelled nothing.
        yield* Avm.run(Obj.call(cell, "write"))
        yield* Effect.flip(Tx.commit(id))
        const again = yield* Tx.begin()
        assert.strictEqual(yield* FD.label(x), 1)
        yield* Tx.abort(again)
        yield* Fiber.interrupt(other)
      })).pipe(Effect.provide(CellLive), Effect.provide(machineOn(store)))
    ))

  it("find what FD.search finds, in the same order", async () => {
    const body = Effect.gen(function*() {
      const all = yield* variables(5, FD.range(1, 5))
      yield* ensure(Constraint.allDifferent(all))
      const values = yield* labels(all)
      if (values[0] > values[4]) return yield* Effect.fail(new DeadEnd())
      return values.join("")
    })
    const searched = Chunk.toArray(await run(Stream.runCollect(FD.search(body))))
    assert.strictEqual(searched.length, 60)
    assert.deepStrictEqual(await run(byAbort(body)), searched)
  })
})

describe.each(stores)("FD.search (%s)", (_, store) => {
  const run = on(store)

  const pair = Effect.gen(function*() {
    const x = yield* FD.newVar(FD.range(1, 2))
    const y = yield* FD.newVar(FD.range(1, 2))
    yield* Introspect.setState(["tried"])
    return (yield* FD.label(x)) * 10 + (yield* FD.label(y))
  })

  it("commits nothing; commitFirst commits the winner", () =>
    run(Effect.gen(function*() {
      assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(FD.search(pair))), [11, 12, 21, 22])
      assert.deepStrictEqual(yield* Introspect.getState, [])
      const winner = yield* FD.commitFirst(Effect.gen(function*() {
        const value = yield* pair
        yield* Introspect.setState(value)
        return value < 20 ? yield* Effect.fail("too small") : value
      }))
      assert.deepStrictEqual(winner, Option.some(21))
      assert.strictEqual(yield* Introspect.getState, 21)
      assert.deepStrictEqual(yield* FD.commitFirst(Effect.zipRight(pair, Effect.fail("never"))), Option.none())
    })))

  it("is lazy, leaves its consumer outside, and ends with the stream", async () => {
    const { exit, trace } = await Effect.runPromise(
      Avm.runTraced(Effect.gen(function*() {
        const seen = yield* FD.search(pair).pipe(
          Stream.tap((value) => Tx.transact(Introspect.setState(value))),
          Stream.take(2),
          Stream.runCollect
        )
        return [Chunk.toArray(seen), yield* Introspect.getState]
      })).pipe(Effect.provide(machineOn(store)))
    )
    assert.deepStrictEqual(exit, Exit.succeed([[11, 12], 12]))
    const tags = trace.map(({ event }) => event._tag)
    assert.deepStrictEqual(tags.filter((tag) => tag === "TransactionStarted").length, 3)
    assert.strictEqual(tags.at(-1), "TransactionAborted")
  })

  it("undoes objects, states and calls of what it leaves", () =>
    Effect.runPromise(
      Avm.run(Effect.gen(function*() {
        const cell = yield* Obj.create("cell", local)
        const winner = yield* FD.commitFirst(Effect.gen(function*() {
          const x = yield* FD.newVar(FD.range(1, 5))
          yield* Obj.call(cell, "write")
          const value = yield* FD.label(x)
          for (let times = 0; times < value; times++) yield* Obj.call(cell, "write")
          return value < 4 ? yield* Effect.fail("more") : value
        }))
        assert.deepStrictEqual(winner, Option.some(4))
        assert.deepStrictEqual(yield* Obj.call(cell, "read"), Option.some(5))
      })).pipe(Effect.provide(CellLive), Effect.provide(machineOn(store)))
    ))

  it("labels within a callee", () =>
    Effect.runPromise(
      Avm.run(Effect.gen(function*() {
        const labeller = yield* Obj.create("labeller", local)
        const found = yield* Stream.runCollect(FD.search(Effect.gen(function*() {
          const x = yield* FD.newVar(FD.range(1, 3))
          const y = yield* FD.newVar(FD.range(1, 2))
          const [a] = [yield* Obj.call(labeller, x.id)]
          return `${Option.getOrNull(a)}${yield* FD.label(y)}`
        })))
        assert.deepStrictEqual(Chunk.toArray(found), ["11", "12", "21", "22", "31", "32"])
      })).pipe(Effect.provide(Labeller), Effect.provide(machineOn(store)))
    ))

  it("fails with what is no dead end, and is not for inside a transaction", () =>
    run(Effect.gen(function*() {
      const defect = yield* Effect.exit(Stream.runCollect(FD.search(Effect.die("broken"))))
      assert.isTrue(Exit.isFailure(defect))
      const id = yield* Tx.begin()
      const nested = yield* Effect.flip(Stream.runCollect(FD.search(pair)))
      assert.deepStrictEqual(nested, new AvmError.NestedTxNotSupported({ outer: id }))
      yield* Tx.abort(id)
    })))
})

// ---------------------------------------------------------------------------
// known answers
// ---------------------------------------------------------------------------

/** What follows is about the solver: nothing of it is in a store. */
const run = on(inMemory[1])

const permutations = (count: number) =>
  Effect.gen(function*() {
    const all = yield* variables(count, FD.range(1, count))
    yield* ensure(Constraint.allDifferent(all))
    return yield* labels(all)
  })

const derangements = (count: number) =>
  Effect.gen(function*() {
    const all = yield* variables(count, FD.range(1, count))
    yield* ensure(Constraint.allDifferent(all))
    for (const [place, variable] of all.entries()) yield* ensure(Constraint.neq(variable, place + 1))
    return yield* labels(all)
  })

const alternating = (count: number) =>
  Effect.gen(function*() {
    const all = yield* variables(count, FD.range(1, count))
    yield* ensure(Constraint.allDifferent(all))
    for (let place = 1; place < count; place++) {
      const [a, b] = [all[place - 1], all[place]]
      yield* ensure(place % 2 === 1 ? Constraint.lt(a, b) : Constraint.lt(b, a))
    }
    return yield* labels(all)
  })

const latin = (size: number) =>
  Effect.gen(function*() {
    const all: Array<FD.Var<number>> = []
    for (let place = 0; place < size * size; place++) all.push(yield* FD.newVar(FD.range(1, size)))
    for (let row = 0; row < size; row++) {
      const rows = all.slice(row * size, row * size + size)
      const columns = all.filter((_, place) => place % size === row)
      if (!(yield* FD.post(Constraint.allDifferent(rows)))) return yield* new DeadEnd()
      if (!(yield* FD.post(Constraint.allDifferent(columns)))) return yield* new DeadEnd()
    }
    for (const variable of all) {
      yield* FD.label(variable)
      labelled = true
    }
    return true
  })

const sudoku4 = Effect.gen(function*() {
  const all = yield* variables(16, FD.range(1, 4))
  for (let unit = 0; unit < 4; unit++) {
    yield* ensure(Constraint.allDifferent(all.slice(unit * 4, unit * 4 + 4)))
    yield* ensure(Constraint.allDifferent(all.filter((_, place) => place % 4 === unit)))
    const corner = (unit >> 1) * 8 + (unit % 2) * 2
    yield* ensure(Constraint.allDifferent([0, 1, 4, 5].map((place) => all[corner + place])))
  }
  return yield* labels(all)
})

const colourings = (nodes: number, edges: ReadonlyArray<readonly [number, number]>) =>
  Effect.gen(function*() {
    const all = yield* variables(nodes, FD.range(1, 3))
    for (const [a, b] of edges) yield* ensure(Constraint.neq(all[a], all[b]))
    return yield* labels(all)
  })

const australia = colourings(7, [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [2, 4], [2, 5], [3, 4], [4, 5]])

const petersen = colourings(
  10,
  [0, 1, 2, 3, 4].flatMap((n) => [[n, (n + 1) % 5], [n, n + 5], [n + 5, (n + 2) % 5 + 5]] as const)
)

const grötzsch = colourings(
  11,
  [0, 1, 2, 3, 4].flatMap((n) => [[n, (n + 1) % 5], [n + 5, (n + 1) % 5], [n + 5, (n + 4) % 5], [n + 5, 10]] as const)
)

const pigeons = Effect.gen(function*() {
  const all = yield* variables(9, FD.range(1, 8))
  yield* ensure(Constraint.allDifferent(all))
  return yield* labels(all)
})

/** By label and narrow alone. */
const queens = (size: number) =>
  Effect.gen(function*() {
    const all = yield* variables(size, FD.range(1, size))
    const rows = Array.from({ length: size }, (_, row) => row + 1)
    for (let column = 0; column < size; column++) {
      const row = yield* FD.label(all[column])
      labelled = true
      for (let other = column + 1; other < size; other++) {
        const away = other - column
        const left = rows.filter((_) => _ !== row && _ !== row + away && _ !== row - away)
        if (!(yield* FD.narrow(all[other], FD.values(...left)))) return yield* Effect.fail(new DeadEnd())
      }
    }
    return true
  })

describe("known answers by instructions alone", () => {
  const cases: ReadonlyArray<
    readonly [string, Program<unknown, DeadEnd | FD.LabelError | FD.PostError | FD.NewVarError>, number]
  > = [
    ["derangements of 4", derangements(4), 9],
    ["derangements of 5", derangements(5), 44],
    ["derangements of 6", derangements(6), 265],
    ["derangements of 7", derangements(7), 1854],
    ["alternating permutations of 5", alternating(5), 16],
    ["alternating permutations of 6", alternating(6), 61],
    ["alternating permutations of 7", alternating(7), 272],
    ["alternating permutations of 8", alternating(8), 1385],
    ["Latin squares of 3", latin(3), 12],
    ["Latin squares of 4", latin(4), 576],
    ["sudoku grids of 4", sudoku4, 288],
    ["Australia in 3 colours", australia, 18],
    ["the Petersen graph in 3 colours", petersen, 120],
    ["the Grötzsch graph in 3 colours", grötzsch, 0],
    ["9 pigeons in 8 holes", pigeons, 0],
    ["queens of 4", queens(4), 2],
    ["queens of 6", queens(6), 4],
    ["queens of 8", queens(8), 92]
  ]
  for (const [name, body, expected] of cases) {
    it(name, async () => {
      assert.strictEqual(await run(countBySearch(body)), expected, "by FD.search")
      assert.strictEqual((await run(byAbort(body))).length, expected, "by label and abort")
    })
  }

  it("permutations of 7", async () => assert.strictEqual(await run(countBySearch(permutations(7))), 5040))
  it("queens of 10", async () => assert.strictEqual(await run(countBySearch(queens(10))), 724))
  it("Latin squares of 5", async () => assert.strictEqual(await run(countBySearch(latin(5))), 161280), 120_000)
})

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

describe("models", () => {
  const queens = (size: number) => {
    const names = Array.from({ length: size }, (_, column) => `q${column}`)
    return FD.model({
      variables: Object.fromEntries(names.map((name) => [name, FD.range(1, size)])),
      constraints: (q) =>
        [0, 1, -1].map((slope) =>
          Constraint.allDifferent(names.map((name, column) => Constraint.plus(q[name], slope * column)))
        )
    })
  }

  it("have all their solutions", async () =>
    assert.strictEqual(await Effect.runPromise(Stream.runCount(FD.solveAll(queens(8)))), 92))

  it("may name their variables as they like", async () => {
    const variables: Record<string, FD.Domain<number>> = { ["__proto__"]: FD.range(1, 2), constructor: FD.range(2, 3) }
    const model = FD.model({ variables, constraints: (all) => [Constraint.eq(all["__proto__"], all["constructor"])] })
    const { solution } = await Effect.runPromise(FD.solve(model))
    assert.deepStrictEqual(Object.entries(Option.getOrThrow(solution)), [["__proto__", 2], ["constructor", 2]])
  })

  it("have a best one", async () => {
    const model = FD.model({
      variables: { ale: FD.range(0, 40), beer: FD.range(0, 40) },
      constraints: ({ ale, beer }) => [
        Constraint.leq(Constraint.sum([Constraint.times(5, ale), Constraint.times(15, beer)]), 480),
        Constraint.leq(Constraint.plus(Constraint.times(4, ale), Constraint.times(4, beer)), 160)
      ]
    })
    const best = await Effect.runPromise(
      FD.maximize(model, ({ ale, beer }) => Constraint.plus(Constraint.times(13, ale), Constraint.times(23, beer)))
    )
    assert.deepStrictEqual(best.solution, Option.some({ ale: 12, beer: 28 }))
    assert.isTrue(best.complete)
  })

  it("that run away are limited, and say by what", async () => {
    const pigeons = FD.model({
      variables: Object.fromEntries(Array.from({ length: 40 }, (_, pigeon) => [`p${pigeon}`, FD.range(1, 39)])),
      constraints: (p) =>
        Object.values(p).flatMap((one, at) => Object.values(p).slice(at + 1).map((other) => Constraint.neq(one, other)))
    })
    const nodes = await Effect.runPromise(FD.solve(pigeons, { nodes: 500 }))
    assert.deepStrictEqual([nodes.complete, nodes.limit, nodes.solution], [false, Option.some("nodes"), Option.none()])
    const time = await Effect.runPromise(FD.solve(pigeons, { time: "30 millis" }))
    assert.deepStrictEqual(time.limit, Option.some("time"))
    const error = await Effect.runPromise(Effect.flip(Stream.runDrain(FD.solveAll(pigeons, { nodes: 500 }))))
    assert.strictEqual(error._tag, "SearchLimited")
    const few = FD.solveAll(queens(8), { solutions: 7 })
    assert.strictEqual(await Effect.runPromise(Stream.runCount(few)), 7)
    const interrupted = await Effect.runPromise(Effect.gen(function*() {
      const told = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(FD.solve(pigeons, { onProgress: () => Deferred.succeed(told, undefined) }))
      yield* Deferred.await(told)
      return yield* Fiber.interrupt(fiber)
    }))
    assert.isTrue(Exit.isInterrupted(interrupted))
  })

  it("that are wrong say what is", async () => {
    const empty = FD.model({ variables: { x: FD.range(2, 1) }, constraints: () => [] })
    assert.deepStrictEqual(
      await Effect.runPromise(Effect.flip(FD.solve(empty))),
      new AvmError.EmptyDomain({ var: "x" })
    )
    const foreign = FD.model({
      variables: { x: FD.range(1, 2) },
      constraints: ({ x }) => [Constraint.eq(x, FD.variable<number>("y"))]
    })
    assert.deepStrictEqual(
      await Effect.runPromise(Effect.flip(FD.solve(foreign))),
      new AvmError.UnknownVariable({ var: "y" })
    )
  })
})

// ---------------------------------------------------------------------------
// generated problems
// ---------------------------------------------------------------------------

describe("generated problems", () => {
  const size = 3
  const term = fc.tuple(fc.nat(size - 1), fc.integer({ min: -2, max: 2 }))
  const simple = fc.oneof(
    fc.record({
      name: fc.constantFrom("eq" as const, "neq" as const, "leq" as const, "lt" as const),
      left: term,
      right: term
    }),
    fc.record({ name: fc.constant("all" as const), places: fc.uniqueArray(fc.nat(size - 1), { minLength: 2 }) }),
    fc.record({
      name: fc.constant("table" as const),
      rows: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 5 })
    })
  )
  const constraint = fc.tuple(fc.constantFrom("only", "not", "or"), simple, simple)
  const problem = fc.record({
    domains: fc.array(fc.uniqueArray(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 4 }), {
      minLength: size,
      maxLength: size
    }),
    constraints: fc.array(constraint, { maxLength: 4 })
  })
  type Simple = typeof simple extends fc.Arbitrary<infer A> ? A : never

  const built = (x: ReadonlyArray<Constraint.Term<number>>, part: Simple): Constraint.Constraint => {
    switch (part.name) {
      case "all":
        return Constraint.allDifferent(part.places.map((place) => x[place]))
      case "table":
        return Constraint.table<ReadonlyArray<number>>([x[0], x[1]], part.rows)
      default: {
        const { left: [a, plus], name, right: [b, other] } = part
        return Constraint[name](Constraint.plus(x[a], plus), Constraint.plus(x[b], other))
      }
    }
  }
  const holds = (x: ReadonlyArray<number>, part: Simple): boolean => {
    switch (part.name) {
      case "all":
        return new Set(part.places.map((place) => x[place])).size === part.places.length
      case "table":
        return part.rows.some(([a, b]) => a === x[0] && b === x[1])
      default: {
        const { left: [a, plus], name, right: [b, other] } = part
        const [left, right] = [x[a] + plus, x[b] + other]
        switch (name) {
          case "eq":
            return left === right
          case "neq":
            return left !== right
          case "leq":
            return left <= right
          case "lt":
            return left < right
        }
      }
    }
  }

  it("have the solutions that trying everything finds, in the same order", () =>
    fc.assert(
      fc.asyncProperty(problem, async ({ constraints, domains }) => {
        const [a, b, c] = domains
        const expected = a.flatMap((x) => b.flatMap((y) => c.map((z) => [x, y, z]))).filter((x) =>
          constraints.every(([kind, one, other]) =>
            kind === "only" ? holds(x, one) : kind === "not" ? !holds(x, one) : holds(x, one) || holds(x, other)
          )
        )
        const body = Effect.gen(function*() {
          const x = yield* Effect.forEach(domains, (domain) => FD.newVar(FD.values<number>(...domain)))
          for (const [kind, one, other] of constraints) {
            const first = built(x, one)
            yield* ensure(
              kind === "only" ? first : kind === "not" ? Constraint.not(first) : Constraint.or(first, built(x, other))
            )
          }
          return yield* labels(x)
        })
        assert.deepStrictEqual(Chunk.toArray(await run(Stream.runCollect(FD.search(body)))), expected)
        assert.deepStrictEqual(await run(byAbort(body)), expected)
      }),
      { numRuns: process.env.SOAK === undefined ? 400 : 10_000 }
    ))
})

// ---------------------------------------------------------------------------
// behaviours
// ---------------------------------------------------------------------------

const Narrower = Behaviour.layerRaw(
  "narrower",
  Effect.gen(function*() {
    const x = FD.variable<number>(String(yield* Introspect.input))
    yield* FD.narrow(x, FD.range(5, 6))
    return []
  })
)

const Labeller = Behaviour.layerRaw(
  "labeller",
  Effect.gen(function*() {
    return [yield* FD.label(FD.variable<number>(String(yield* Introspect.input)))]
  })
)

/** Counts how often it was written to. */
const CellLive = Behaviour.layerRaw(
  "cell",
  Effect.gen(function*() {
    const state = yield* Introspect.getState
    const count = typeof state === "number" ? state : 0
    if ((yield* Introspect.input) === "write") yield* Introspect.setState(count + 1)
    return [count]
  })
)
