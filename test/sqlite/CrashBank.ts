/** What the program that is killed and the test that looks at its file agree on. */
import { Behaviour, Introspect, type Val } from "@effect-avm/core"

export const accounts = 20
export const opening = 1000

export interface Transfer {
  readonly number: number
  readonly amount: number
}

/** The balance after a message: what `account` does with one, as a function. */
export const after = (balance: number, message: Val.Val): number => {
  if (!Array.isArray(message)) throw new Error("no message of ours")
  const [kind, first, second] = message
  return kind === "open" ? Number(first) : balance + Number(second)
}

export const AccountLive = Behaviour.layerRaw("account", function*() {
  const balance = yield* Introspect.getState
  const next = after(typeof balance === "number" ? balance : 0, yield* Introspect.input)
  yield* Introspect.setState(next)
  return [next]
})
