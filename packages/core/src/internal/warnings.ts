/**
 * What nobody would hear of otherwise is logged, as warnings: a message given up that no promise was to answer, one that
 * waits for a behaviour nobody has registered, an output that its schedule has given up. Pinned by
 * `test/turns/Warnings.test.ts`.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DeadLetter, Message, Output } from "../Mailboxes.js"
import { latest } from "../ObjectStore.js"
import type { Kernel } from "./kernel.js"
import { effectOf } from "./sync.js"

/** Of a message whose turns have failed, once it has gone. */
export const givenUp = (
  kernel: Kernel,
  { attempts, message }: DeadLetter,
  becomes: "a dead letter" | "forgotten",
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Effect.flatMap(behaviourOf(kernel, message), (behaviour) =>
    Effect.annotateLogs(
      Effect.logWarning(`A message to ${message.to.value} is ${becomes}: its turn failed`, cause),
      annotations({ ...about(message), "avm.behaviour": behaviour, "avm.turn.attempts": attempts })
    ))

export const unregistered = (message: Message, behaviour: string): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logWarning(`Messages wait for the behaviour ${behaviour}, which is not registered with the machine`),
    annotations({ ...about(message), "avm.behaviour": behaviour })
  )

export const stuck = (output: Output, attempts: number, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logWarning(
      `An output to ${output.channel} is given up until the machine starts again: its handler failed`,
      cause
    ),
    annotations({
      "avm.object.id": output.from.value,
      "avm.channel": output.channel,
      "avm.output.key": output.key,
      "avm.output.attempts": attempts
    })
  )

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

type Annotations = Readonly<Record<string, string | number | undefined>>

/** A typed message is the list of its tag and its payload (A35), and knows its behaviour. */
const about = ({ behaviour, id, input, to }: Message): Annotations => {
  const [tag] = Array.isArray(input) && Option.isSome(behaviour) ? input : []
  return {
    "avm.object.id": to.value,
    "avm.message.id": id.value,
    "avm.message.tag": typeof tag === "string" ? tag : undefined
  }
}

const annotations = (all: Annotations): Record<string, unknown> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))

/** If the store does not say, it is left out. */
const behaviourOf = (kernel: Kernel, { behaviour, to }: Message): Effect.Effect<string | undefined> =>
  Option.isSome(behaviour)
    ? Effect.succeed(behaviour.value)
    : Effect.match(effectOf(kernel.objects.read(to, latest)), {
      onFailure: () => undefined,
      onSuccess: (stored) => stored?._tag === "StoredObject" ? stored.behaviour : undefined
    })
