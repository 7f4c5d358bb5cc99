/**
 * Orders, stock and payment. An order takes from the stock and asks for the payment in one turn; the payment itself is an
 * effect on the outside world, so it goes through the outbox. The machine crashes when the bank has charged the card, but
 * before it has heard so. Another machine takes over on the same store: it asks again, with the same key, and the bank does
 * not charge twice. The customer, who got no answer, orders again under the number of his order, and has not ordered twice.
 *
 * ```sh
 * npx tsx --conditions=@effect-avm/source examples/OrderDesk.ts
 * ```
 */
import { Avm, Behaviour, IdGenerator, Outbox, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Console, Context, Deferred, Effect, Exit, Layer, Ref, Schema, Scope } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"

// ---------------------------------------------------------------------------
// the outside world
// ---------------------------------------------------------------------------

/** A bank that keeps the keys of what it was asked, and charges once for each. */
export class Bank extends Context.Tag("Bank")<Bank, {
  readonly charge: (key: string, cents: number) => Effect.Effect<number>
}>() {}

const Payment = Outbox.make("payment", {
  payload: Schema.Struct({ order: Schema.String, cents: Schema.Int }),
  success: Schema.Struct({ order: Schema.String, receipt: Schema.Int })
})

const PaymentLive = Payment.toLayer(({ cents, order }, key) =>
  Effect.gen(function*() {
    const bank = yield* Bank
    return { order, receipt: yield* bank.charge(key, cents) }
  })
)

// ---------------------------------------------------------------------------
// the behaviours
// ---------------------------------------------------------------------------

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { left: Schema.Int }) {}

export const Stock = Behaviour.make("Stock", {
  state: Schema.Struct({ left: Schema.Int }),
  initial: { left: 10 },
  protocol: [
    Rpc.make("Take", { payload: { count: Schema.Int }, success: Schema.Int, error: SoldOut }),
    Rpc.make("Left", { success: Schema.Int })
  ]
})

const StockLive = Stock.toLayer({
  *Take({ count }) {
    const { left } = yield* Stock.state
    if (left < count) return yield* new SoldOut({ left })
    yield* Stock.setState({ left: left - count })
    return left - count
  },
  Left: () => Effect.map(Stock.state, ({ left }) => left)
})

const Order = Schema.Struct({ order: Schema.String, count: Schema.Int, receipt: Schema.NullOr(Schema.Int) })

export const Desk = Behaviour.make("Desk", {
  state: Schema.Struct({ stock: Schema.NullOr(Stock.Ref), orders: Schema.Array(Order) }),
  initial: { stock: null, orders: [] },
  protocol: [
    Rpc.make("Open", { payload: { stock: Stock.Ref } }),
    Rpc.make("Place", { payload: { order: Schema.String, count: Schema.Int }, success: Schema.Int, error: SoldOut }),
    Rpc.make("Paid", { payload: { order: Schema.String, receipt: Schema.Int } }),
    Rpc.make("Orders", { success: Schema.Array(Order) })
  ]
})

const DeskLive = Desk.toLayer({
  Open: ({ stock }) => Desk.setState({ stock, orders: [] }),
  // What the stock loses, what the desk notes, and what the bank is asked: all of it with this turn's commit, or nothing.
  *Place({ count, order }) {
    const { orders, stock } = yield* Desk.state
    if (stock === null) return yield* new SoldOut({ left: 0 })
    const left = yield* stock.Take({ count })
    yield* Desk.setState({ stock, orders: [...orders, { order, count, receipt: null }] })
    const { id } = yield* Desk.self
    // What is asked for is valid, and the store takes it: else the turn is undone.
    yield* Effect.orDie(Payment.emit({ order, cents: count * 250 }, { answer: { to: id, tag: "Paid" } }))
    return left
  },
  // The receipt comes as a message, in the same commit that takes the payment out of the outbox.
  *Paid({ order, receipt }) {
    const { orders, stock } = yield* Desk.state
    yield* Desk.setState({ stock, orders: orders.map((_) => _.order === order ? { ..._, receipt } : _) })
  },
  Orders: () => Effect.map(Desk.state, ({ orders }) => orders)
})

// ---------------------------------------------------------------------------
// the program
// ---------------------------------------------------------------------------

type Desk = typeof Desk.Ref.Type

const open = Tx.transact(Effect.gen(function*() {
  const stock = yield* Stock.create()
  const desk = yield* Desk.create()
  yield* desk.Open({ stock })
  return { desk, stock }
}))

/** Sent under its number, an order that is sent again is the same order. */
const place = (desk: Desk, order: string, count: number) => desk.send.Place({ order, count }, { key: order })

/** Waits until every order has its receipt. */
const allPaid = (desk: Desk) =>
  Tx.transact(Effect.gen(function*() {
    const orders = yield* desk.Orders()
    return orders.some(({ receipt }) => receipt === null) ? yield* Tx.retry : orders
  }))

/** A machine over ports that live longer than it does. */
const machine = (ports: Context.Context<Avm.Ports>, bank: Bank["Type"]) =>
  Layer.mergeAll(StockLive, DeskLive, PaymentLive).pipe(
    Layer.provide(Layer.succeed(Bank, bank)),
    Layer.provideMerge(Avm.layer()),
    Layer.provide(Layer.succeedContext(ports))
  )

export const main = Effect.gen(function*() {
  const ports = yield* Layer.build(Layer.provideMerge(IdGenerator.layerCounter, Avm.layerPortsMemory))
  const charges = yield* Ref.make<ReadonlyMap<string, number>>(new Map())
  const asked = yield* Ref.make(0)
  const charge = (key: string, cents: number) =>
    Effect.zipRight(
      Ref.update(asked, (n) => n + 1),
      Ref.modify(charges, (known) => [1001, known.has(key) ? known : new Map(known).set(key, cents)])
    )

  // The first machine: the bank charges, but its answer never arrives.
  const charged = yield* Deferred.make<void>()
  const silent = (key: string, cents: number) =>
    charge(key, cents).pipe(Effect.zipRight(Deferred.succeed(charged, undefined)), Effect.zipRight(Effect.never))
  const first = yield* Scope.make()
  const { desk, stock } = yield* Effect.gen(function*() {
    const shop = yield* Avm.run(open)
    yield* Avm.run(place(shop.desk, "order 17", 3))
    yield* Deferred.await(charged)
    return shop
  }).pipe(Effect.provide(yield* Layer.buildWithScope(machine(ports, { charge: silent }), first)))
  yield* Scope.close(first, Exit.void)
  yield* Console.log(`The machine crashes: the bank was asked ${yield* Ref.get(asked)} time, and nobody knows`)

  // The second one, on the same store.
  const { left, orders, placed } = yield* Effect.gen(function*() {
    const again = yield* Avm.run(place(desk, "order 17", 3))
    const placed = yield* Avm.run(again.await)
    return { placed, orders: yield* Avm.run(allPaid(desk)), left: yield* Avm.run(stock.Left()) }
  }).pipe(Effect.provide(machine(ports, { charge })))
  const cents = [...(yield* Ref.get(charges)).values()]
  yield* Console.log(
    `Another one takes over: the bank was asked ${yield* Ref.get(asked)} times, and charged ${cents.join(", ")}`
  )
  for (const { count, order, receipt } of orders) yield* Console.log(`${order}: ${count} pieces, receipt ${receipt}`)
  yield* Console.log(`${left} pieces are left`)
  return { asked: yield* Ref.get(asked), charged: cents, orders, left, placed }
}).pipe(Effect.scoped)

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  await Effect.runPromise(main)
}
