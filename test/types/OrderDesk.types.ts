// References in messages and in states, behaviours that call each other, services of the application, sends.
import { Avm, Behaviour, type Obj, ObjectId, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Context, Effect, type Layer, Schema } from "effect"

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { left: Schema.Int }) {}

class Rates extends Context.Tag("Rates")<Rates, {
  readonly euros: (cents: number) => Effect.Effect<number>
}>() {}

export const Stock = Behaviour.make("Stock", {
  state: Schema.Struct({ left: Schema.Int, watchers: Schema.Array(ObjectId.ObjectId) }),
  initial: { left: 10, watchers: [] },
  protocol: [
    Rpc.make("Take", { payload: { count: Schema.Int }, success: Schema.Int, error: SoldOut }),
    Rpc.make("Watch", { payload: { desk: ObjectId.ObjectId } })
  ]
})

// A desk holds a typed reference to a stock, and gets one in a message.
export const Desk = Behaviour.make("Desk", {
  state: Schema.Struct({ stock: Schema.NullOr(Stock.Ref), sold: Schema.Int }),
  initial: { stock: null, sold: 0 },
  protocol: [
    Rpc.make("Open", { payload: { stock: Stock.Ref } }),
    Rpc.make("Order", { payload: { count: Schema.Int }, success: Schema.Number, error: SoldOut }),
    Rpc.make("Fresh", { success: Stock.Ref }),
    Rpc.make("Changed", { payload: { left: Schema.Int } })
  ]
})

// The name of a reference type, as with any other schema.
export type Stock = typeof Stock.Ref.Type

const StockLive = Stock.toLayer({
  *Take({ count }) {
    const { left, watchers } = yield* Stock.state
    if (left < count) return yield* new SoldOut({ left })
    yield* Stock.updateState((state) => ({ ...state, left: left - count }))
    // The observers hear of it in turns of their own, after this one has committed. Where two behaviours name each other,
    // one side holds plain ids and says here what they are.
    yield* Effect.forEach(watchers, (desk) => Desk.ref(desk).sendOnly.Changed({ left: left - count }))
    return left - count
  },
  *Watch({ desk }) {
    yield* Stock.updateState((state) => ({ ...state, watchers: [...state.watchers, desk] }))
  }
})

// Handlers built by an Effect; `Rates` is captured by the layer, `Stock.create` asks for the stock's layer.
const DeskLive = Desk.toLayer(Effect.gen(function*() {
  const rates = yield* Rates
  return Desk.of({
    *Open({ stock }) {
      const self = yield* Desk.self
      yield* stock.Watch({ desk: self.id })
      yield* Desk.setState({ stock, sold: 0 })
    },
    *Order({ count }) {
      const { sold, stock } = yield* Desk.state
      if (stock === null) return yield* new SoldOut({ left: 0 })
      yield* stock.Take({ count })
      yield* Desk.setState({ stock, sold: sold + count })
      return yield* rates.euros(count * 250)
    },
    Fresh: () => Stock.create(),
    *Changed({ left }) {
      yield* Effect.log(`${left} left`)
    }
  })
}))

export const layersAsks: Layer.Layer<
  Behaviour.Registered<"Desk">,
  never,
  Behaviour.Registry | Behaviour.Registered<"Stock"> | Rates
> = DeskLive

const program = Effect.gen(function*() {
  const { desk } = yield* Tx.transact(Effect.gen(function*() {
    const stock = yield* Stock.create()
    const desk = yield* Desk.create()
    yield* desk.Open({ stock })
    return { desk, stock }
  }))
  // A send answers at once; waiting for the answer is for those outside transactions.
  const price = yield* desk.send.Order({ count: 3 })
  return yield* price.await.pipe(
    Effect.catchTag("SoldOut", ({ left }) => Effect.succeed(left)),
    Effect.catchTags({ ObjectNotFound: () => Effect.succeed(0), MachineUnreachable: () => Effect.succeed(-1) })
  )
})

export const main = Avm.run(program).pipe(
  Effect.provide(DeskLive),
  Effect.provide(StockLive),
  Effect.provideService(Rates, { euros: (cents) => Effect.succeed(cents / 100) }),
  Effect.provide(Avm.layerMemory)
)

export const start = () => Effect.runPromise(main)

// A function over references of one behaviour says so.
export const takeAll = (stock: Stock): Effect.Effect<number, SoldOut | Obj.CallError, Obj.Obj> =>
  stock.Take({ count: 10 })
