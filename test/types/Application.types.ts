// An application with services of its own uses the machine inside its own Effects.
import { Avm, ControllerId, Tx } from "@effect-avm/core"
import { Context, Effect, Layer, Schedule, STM, TRef } from "effect"
import { Account, AccountLive } from "./Bank.types.js"

class Mailer extends Context.Tag("Mailer")<Mailer, {
  readonly send: (to: string, text: string) => Effect.Effect<void, MailRefused>
}>() {}

class MailRefused {
  readonly _tag = "MailRefused"
}

class Closed {
  readonly _tag = "Closed"
}

// Its own transactional memory changes together with the objects, or not at all.
class Opened extends Context.Tag("Opened")<Opened, TRef.TRef<number>>() {}

const countOne = (opened: TRef.TRef<number>) =>
  STM.gen(function*() {
    const n = yield* TRef.get(opened)
    if (n >= 100) return yield* STM.fail(new Closed())
    yield* TRef.set(opened, n + 1)
  })

const openAccount = (deposit: number) =>
  Effect.gen(function*() {
    const account = yield* Account.create()
    yield* account.Deposit({ amount: deposit })
    yield* Tx.enlist(countOne(yield* Opened))
    return account
  }).pipe(
    Tx.transactWith({ controller: ControllerId.make("bank"), retry: Schedule.exponential("10 millis") })
  )

// Programs and Effects mix: what the program needs beyond instructions stays a requirement.
const welcome = Effect.gen(function*() {
  const mailer = yield* Mailer
  const account = yield* openAccount(5)
  yield* mailer.send("ada", `welcome, ${account.id.value}`)
  return account.id
})

export const signUp = Avm.run(welcome).pipe(
  Effect.catchTags({
    Closed: () => Effect.fail("no more accounts" as const),
    TxConflict: () => Effect.fail("try again" as const)
  }),
  Effect.withSpan("signUp")
)

// A requirement of the application's Effect is the machine, not its instructions.
export type SignUpNeeds = Effect.Effect.Context<typeof signUp>

const Services = Layer.merge(
  Layer.succeed(Mailer, { send: () => Effect.void }),
  Layer.effect(Opened, TRef.make(0))
)

const Memory = Avm.layerMemory

export const inMemory = signUp.pipe(Effect.provide(AccountLive), Effect.provide(Services), Effect.provide(Memory))

// The machine as a layer of the application, built once.
export const App = AccountLive.pipe(Layer.provideMerge(Memory), Layer.merge(Services))

export const start = () => Effect.runPromise(Effect.provide(Effect.all([signUp, signUp], { concurrency: 2 }), App))
export const startInMemory = () => Effect.runPromise(inMemory)
