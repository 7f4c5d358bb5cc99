/**
 * The program that is killed: a bank on a file, and many transfers at once. Each transfer that was answered is told on
 * the standard output, as its number; nothing is told before.
 *
 * Arguments: the file, the number of this run, `full`, `normal` or `off`.
 */
import { Avm, ControllerId, Obj, ObjectStore, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { Effect, Layer, Schedule, Stream } from "effect"
import { writeSync } from "node:fs"
import { AccountLive, accounts, opening, type Transfer } from "./CrashBank.js"

const [filename = "", run = "0", synchronous = "full"] = process.argv.slice(2)

/** Waits where the other side is slow to read. */
const tell = (line: string): void => {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error
    }
  }
}

const bank = ControllerId.make("bank")

/** Once: the accounts, and what they start with. */
const open = Tx.transact(Effect.gen(function*() {
  for (let n = 0; n < accounts; n++) {
    const account = yield* Obj.create("account", bank)
    yield* Obj.call(account, ["open", opening])
  }
}))

const transfer = (from: ObjectStore.StoredObject, to: ObjectStore.StoredObject, { amount, number }: Transfer) =>
  Tx.transact(
    Effect.gen(function*() {
      yield* Obj.call(from.metadata.id, ["pay", number, -amount])
      yield* Obj.call(to.metadata.id, ["pay", number, amount])
    }),
    { retry: Schedule.forever }
  )

/** Numbers of other runs begin elsewhere. */
let number = Number(run) * 1_000_000

const many = (all: ReadonlyArray<ObjectStore.StoredObject>) =>
  Effect.forever(Effect.suspend(() => {
    number++
    // Spread over the accounts, with some of them hot.
    const [from, to] = [all[(number * 7) % all.length], all[(number * number) % 3]]
    if (from === undefined || to === undefined || from === to) return Effect.void
    const mine = number
    return Effect.map(
      Avm.run(transfer(from, to, { number: mine, amount: mine % 13 })),
      () => tell(String(mine))
    )
  }))

const main = Effect.gen(function*() {
  const store = yield* ObjectStore.ObjectStore
  if ((yield* store.scan(ObjectStore.latest)).length === 0) yield* Avm.run(open)
  const all = yield* store.scan(ObjectStore.latest)
  tell("ready")
  yield* Stream.runDrain(Stream.flatMap(Stream.range(1, 16), () => Stream.fromEffect(many(all)), { concurrency: 16 }))
})

const mode = synchronous === "off" || synchronous === "normal" ? synchronous : "full"
const platform = Layer.provideMerge(
  Avm.layer({ recordAnswers: true }),
  // A small cache, so that what is killed has been evicting and loading as well.
  Sqlite.layerPorts({ filename, synchronous: mode, cacheBytes: 10_000 })
)
await Effect.runPromise(Effect.provide(main, Layer.provideMerge(AccountLive, platform)))
