/**
 * The bank on a file: Alice pays Bob one at a time. Run it, kill it, run it again, and the balances go on.
 *
 * ```sh
 * npm run avm -- run examples/DurableBank.ts --store bank.db --input 3
 * npx tsx --conditions=@effect-avm/source examples/DurableBank.ts bank.db
 * ```
 *
 * The second one pays until it is stopped; with a number behind the file, so many times.
 */
import { Avm, ControllerId, Reflect, Tx, type Val } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { Console, Effect, Layer, Schema } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { Account, AccountLive, pay } from "./Bank.js"

const bank = ControllerId.make("bank")

/** Once: what Alice has to spend. */
const opening = 1_000_000

/** The accounts of the file, in the order in which they were opened; where there are none, they are opened now. */
const accounts = Effect.gen(function*() {
  const found = yield* Reflect.scryDeep((behaviour) => behaviour === "Account")
  const [first, second] = found.map(([id]) => Account.ref(id))
  if (first !== undefined && second !== undefined) return { alice: first, bob: second }
  return yield* Tx.transact(Effect.gen(function*() {
    const alice = yield* Account.create({ controller: bank })
    const bob = yield* Account.create({ controller: bank })
    yield* alice.Deposit({ amount: opening })
    return { alice, bob }
  }))
})

/** Pays `times` times, or for ever, and tells the balances after each payment: then it is on the disk. */
export const program = (times: number) =>
  Effect.gen(function*() {
    const { alice, bob } = yield* accounts
    const balances = Effect.all({ alice: alice.Balance(), bob: bob.Balance() })
    const tell = Effect.tap(balances, ({ alice, bob }) => Console.log(`alice ${alice}, bob ${bob}`))
    let now = yield* tell
    for (let n = 0; n < times; n++) {
      yield* pay(alice, bob, 1)
      now = yield* tell
      // Between two payments others may have their turn, and a signal is heard.
      yield* Effect.yieldNow()
    }
    return now
  })

/** Its behaviour, and the leave to look for the accounts that are there. */
export const layer = Layer.merge(AccountLive, Avm.layerUnsafe(Reflect.UnsafeReflect))

const times = Schema.decodeUnknown(Schema.NonNegativeInt)

/** For `avm run examples/DurableBank.ts --store bank.db --input 3`. The input may be any `Val`, so it is checked. */
export default { program: (input: Val.Val) => Effect.flatMap(times(input), program), layer, input: 3 }

export const main = (filename: string, times: number) =>
  Avm.run(program(times).pipe(Effect.provide(Avm.layerUnsafe(Reflect.UnsafeReflect)))).pipe(
    Effect.provide(AccountLive.pipe(Layer.provideMerge(Sqlite.layer({ filename }))))
  )

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const [filename = "bank.db", count] = process.argv.slice(2)
  const payments = count === undefined ? Effect.succeed(Infinity) : times(Number(count))
  await Effect.runPromise(Effect.flatMap(payments, (payments) => main(filename, payments)))
}
