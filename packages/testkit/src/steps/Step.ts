/**
 * A step of a generated program, as plain data.
 *
 * A number refers to what is known at that moment, counted from the latest and modulo how many there are, so that every
 * list of steps is a program and shrinking one keeps it meaningful.
 *
 * @since 0.1.0
 */
import type { Val } from "@effect-avm/core"

/**
 * The nth latest object known, the running object, an id that was never given out, or the nth latest promise.
 *
 * @since 0.1.0
 * @category models
 */
export type ObjectRef = number | "self" | "missing" | { readonly promise: number }

/**
 * The nth latest transaction known, or an id that was never given out.
 *
 * @since 0.1.0
 * @category models
 */
export type TxRef = number | "unknown"

/**
 * A value: as it stands, one that the object addressed understands, a script for it, an earlier answer, a reference, or
 * something that is no `Val`.
 *
 * @since 0.1.0
 * @category models
 */
export type Message =
  | { readonly kind: "plain"; readonly value: Val.Val }
  | { readonly kind: "fit"; readonly first: number; readonly second: number }
  | { readonly kind: "script"; readonly steps: ReadonlyArray<Step> }
  | { readonly kind: "answer"; readonly answer: number }
  | { readonly kind: "object"; readonly object: ObjectRef }
  | { readonly kind: "invalid" }

/**
 * @since 0.1.0
 * @category models
 */
export type ScryPredicate = {
  readonly test: "all" | "none" | "controller" | "machine" | "behaviour" | "throws"
  readonly name: string
}

/**
 * An instruction with its arguments.
 *
 * @since 0.1.0
 * @category models
 */
export type Instruction =
  | { readonly op: "create"; readonly behaviour: string; readonly controller: string | null }
  | {
    readonly op: "destroy" | "reflect" | "getMachine" | "fetch" | "getController" | "freeze"
    readonly object: ObjectRef
  }
  | {
    readonly op: "call" | "send" | "sendOnly"
    readonly object: ObjectRef
    readonly message: Message
    readonly behaviour: string | null
  }
  | { readonly op: "receive" }
  | { readonly op: "forward"; readonly object: ObjectRef; readonly on: "resolved" | "broken"; readonly to: ObjectRef }
  | { readonly op: "self" | "input" | "sender" | "currentMachine" | "getState" | "currentController" }
  | { readonly op: "context" | "txState" }
  | { readonly op: "setState"; readonly state: Message }
  | { readonly op: "scryMeta" | "scryDeep"; readonly predicate: ScryPredicate }
  | { readonly op: "begin"; readonly controller: string | null }
  | { readonly op: "commit" | "abort"; readonly tx: TxRef }
  | { readonly op: "callPure"; readonly name: string; readonly args: ReadonlyArray<Message> }
  | { readonly op: "updatePure"; readonly name: string; readonly fn: string; readonly expected: number | null }
  | { readonly op: "registerPure"; readonly name: string; readonly fn: string }
  | { readonly op: "teleport"; readonly machine: string }
  | { readonly op: "moveObject"; readonly object: ObjectRef; readonly machine: string }
  | { readonly op: "transfer"; readonly object: ObjectRef; readonly controller: string }

/**
 * An instruction, attempted or not; or a refusal, an early end, something that happens to the platform.
 *
 * @since 0.1.0
 * @category models
 */
export type Step =
  | (Instruction & { readonly attempt: boolean })
  | { readonly op: "reject" }
  | { readonly op: "finish"; readonly how: "nothing" | "invalid" | "self" }
  | { readonly op: "toggle"; readonly what: "machine" | "controller"; readonly name: string }
