/**
 * The object store over a file: validation in memory, the truth in the file.
 *
 * A transaction is validated and applied in memory as in the memory store, in one synchronous step. Then it waits until
 * the group it belongs to is durable. Transactions that begin meanwhile see it already, so that many can change the same
 * object within one group; each of them is answered after what it has seen is durable, or not at all: a commit is queued
 * behind it, and `release` of the snapshot waits. What is read outside transactions is waited for as well.
 */
import { AvmError, Mailboxes, type ObjectId, ObjectStore } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Scheduler } from "effect/Scheduler"
import * as STM from "effect/STM"
import * as Stream from "effect/Stream"
import { type Failure, IdTaken, ObjectUnreadable, ReadFailed, reasonOf, StoreClosed, toStoreError } from "../Failure.js"
import { at, type Cache, Entry } from "./cache.js"
import * as changeSets from "./changes.js"
import { type Committer, type Queued, snapshotLost } from "./committer.js"
import type { Mail } from "./mail.js"
import { pageSize, type Rows } from "./rows.js"

type Reads = Pick<ObjectStore.ChangeSet, "snapshot" | "reads" | "scans" | "messages">

/** What of an object scans and reads are compared with. */
type Now = ObjectStore.Stored | undefined

export const make = (rows: Rows, cache: Cache, mail: Mail, committer: Committer): ObjectStore.Service => {
  let ordinal = rows.lastOrdinal()

  // -------------------------------------------------------------------------
  // looking
  // -------------------------------------------------------------------------

  const find = (key: string): Entry | undefined => {
    const known = cache.get(key)
    if (known !== undefined) return known
    const row = rows.object(key)
    if (row === undefined) return undefined
    const stored = Option.some(row.value) as Option.Some<ObjectStore.Stored> // `Option.some` makes nothing else
    const entry = new Entry(key, row.ordinal, row.created, { commit: row.commit, stored, previous: undefined })
    entry.bytes = row.bytes
    entry.accepted = row.accepted
    cache.add(entry)
    return entry
  }

  const current = (key: string): Now => find(key)?.head.stored.value

  /** Outside transactions, what is durable. */
  const seen = ({ version }: ObjectStore.Snapshot): number => version === Infinity ? cache.durable : version

  const read = (key: string, snapshot: ObjectStore.Snapshot): Option.Option<ObjectStore.Stored> => {
    const entry = find(key)
    const version = entry === undefined ? undefined : at(entry, seen(snapshot))
    cache.shrink()
    return version === undefined ? Option.none() : version.stored
  }

  const scan = (snapshot: ObjectStore.Snapshot): ReadonlyArray<ObjectStore.StoredObject> => {
    const version = seen(snapshot)
    const found: Array<ObjectStore.StoredObject> = []
    const add = (stored: Now) => {
      if (stored?._tag === "StoredObject") found.push(stored)
    }
    let last = 0
    for (;;) {
      const page = rows.page(last)
      for (const row of page) {
        last = Number(row[0])
        const entry = cache.entries.get(String(row[1]))
        add(entry === undefined ? rows.found(row) : at(entry, version)?.stored.value)
      }
      if (page.length < pageSize) break
    }
    // Those that are not in the file yet, in order of creation.
    const changed = [...cache.since(cache.durable) ?? []].filter((entry) => entry.created > cache.durable)
    for (const entry of changed.sort((a, b) => a.ordinal - b.ordinal)) add(at(entry, version)?.stored.value)
    return found
  }

  // -------------------------------------------------------------------------
  // validating
  // -------------------------------------------------------------------------

  const conflicts = (reads: Reads): ReadonlyArray<ObjectId.ObjectId> => {
    // Hardly ever is anything found: nothing is made before.
    let found: Map<string, ObjectId.ObjectId> | undefined
    for (const [key, read] of reads.reads) if (!same(read, current(key))) (found ??= new Map()).set(key, read.id)
    if (reads.scans.length > 0) {
      const { version } = reads.snapshot
      const known = version === Infinity ? [] : cache.since(version)
      const keys = known === undefined
        ? new Set([...rows.changedSince(version), ...keysOf(cache.since(cache.durable))])
        : keysOf(known)
      for (const key of keys) {
        const now = current(key)
        if (now !== undefined && touches(reads, key, now)) (found ??= new Map()).set(key, idOf(now))
      }
    }
    const messages = mail.conflicts(reads.messages)
    if (found === undefined) return messages
    // One that is changed, and whose mailbox is, counts once.
    for (const id of messages) found.set(id.value, id)
    return [...found.values()]
  }

  const failed = (what: string, thrown: unknown): Exit.Exit<never, AvmError.StoreError> => {
    // A change set that makes no sense is a defect of the machine.
    if (thrown instanceof Error && !("code" in thrown) && !isFailure(thrown)) return Exit.die(thrown)
    return Exit.fail(toStoreError(isFailure(thrown) ? thrown : new ReadFailed({ what, ...reasonOf(thrown) })))
  }

  const atOnce = <A, E>(
    what: string,
    look: () => Effect.Effect<A, E>
  ): Effect.Effect<A, E | AvmError.StoreError> => {
    try {
      committer.ready()
      return look()
    } catch (thrown) {
      return failed(what, thrown)
    }
  }

  /** Runs what looks at the file, and says what went wrong there as a `StoreError`. */
  const looking = <A, E>(
    what: string,
    look: (scheduler: Scheduler) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | AvmError.StoreError> =>
    Effect.withFiberRuntime<A, E | AvmError.StoreError>((fiber) => atOnce(what, () => look(fiber.currentScheduler)))

  /** The same, of a snapshot that is still there. */
  const lookingAt = <A, E>(
    snapshot: ObjectStore.Snapshot,
    what: string,
    look: (scheduler: Scheduler) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | AvmError.StoreError> =>
    looking<A, E | AvmError.StoreError>(what, (scheduler) => {
      return committer.isLost(snapshot.version) ? lost(snapshot) : look(scheduler)
    })

  /** Waits for what is about to be written; if it fails, it is as if it had never been. */
  const settled = (scheduler: Scheduler): Effect.Effect<void> => Effect.ignore(committer.settled(scheduler))

  /** What is committed now: nobody who asks later is answered something older. */
  const after = <A>(pending: boolean, scheduler: Scheduler, what: string, look: () => A) =>
    pending
      ? Effect.zipRight(settled(scheduler), looking(what, () => Exit.succeed(look())))
      : Exit.succeed(look())

  // -------------------------------------------------------------------------
  // committing
  // -------------------------------------------------------------------------

  const prepare = (changes: ObjectStore.ChangeSet): Queued => {
    const version = committer.clock + 1
    const mark = mail.mark()
    try {
      const mailed = changes.messages === Mailboxes.noChanges ? undefined : mail.apply(changes.messages, version)
      const queued = changeSets.apply({ cache, find, nextOrdinal: () => ++ordinal }, changes, version)
      committer.clock = version
      if (mailed === undefined) return queued
      return { ...queued, changes: [...queued.changes, ...mailed.changes], arrived: mailed.arrived }
    } catch (thrown) {
      mail.undoTo(mark)
      throw thrown
    }
  }

  /** What is in the way may yet fail to be written; then the same would commit. Nobody waits for long. */
  const conflicted = (
    objects: ReadonlyArray<ObjectId.ObjectId>,
    scheduler: Scheduler
  ): Effect.Effect<ObjectStore.Outcome> =>
    Effect.as(settled(scheduler), { _tag: "Conflicted", objects } satisfies ObjectStore.Outcome)

  /** What is to be written, applied in memory; or what is in the way. */
  const applied = (
    changes: ObjectStore.ChangeSet
  ): Exit.Exit<Queued | ReadonlyArray<ObjectId.ObjectId>, AvmError.StoreError> => {
    try {
      committer.ready()
      if (committer.isLost(changes.snapshot.version)) return lost(changes.snapshot)
      const objects = conflicts(changes)
      if (objects.length > 0) return Exit.succeed(objects)
      const queued = prepare(changes)
      cache.shrink()
      return Exit.succeed(queued)
    } catch (thrown) {
      return failed("what is to be changed", thrown)
    }
  }

  const commit: ObjectStore.Direct["commit"] = (changes, by, tell) => {
    const found = applied(changes)
    if (Exit.isFailure(found)) return tell(Exit.failCause(found.cause))
    const { value } = found
    if ("version" in value) return committer.commit(value, by, { _tag: "Committed", version: value.version }, tell)
    committer.whenSettled(by.scheduler, () => tell(Exit.succeed({ _tag: "Conflicted", objects: value })))
  }

  /**
   * A41: SQL, the enlisted STM, COMMIT, in one synchronous step. The STM never suspends: a retry and a failure become
   * a retry first, on which `orElse` undoes what was written so far.
   */
  const commitWith = <E>(
    changes: ObjectStore.ChangeSet,
    enlisted: STM.STM<unknown, E>,
    scheduler: Scheduler
  ): Effect.Effect<ObjectStore.Outcome, AvmError.StoreError | E> => {
    // What has gone before is none of its affair, unless it has seen it, or the file cannot be asked since.
    committer.flush()
    committer.ready()
    if (committer.isLost(changes.snapshot.version)) return lost(changes.snapshot)
    const objects = conflicts(changes)
    if (objects.length > 0) return conflicted(objects, scheduler)
    const queued = prepare(changes)
    let outcome: Effect.Effect<ObjectStore.Outcome, E> = Exit.succeed({ _tag: "Blocked" })
    try {
      committer.together(queued, () => {
        const ended = Effect.runSyncExit(STM.commit(attempt(enlisted)))
        if (Exit.isFailure(ended)) outcome = Exit.failCause(ended.cause)
        else if (ended.value._tag === "Failed") outcome = Exit.fail(ended.value.error)
        else if (ended.value._tag === "Done") {
          outcome = Exit.succeed({ _tag: "Committed", version: queued.version })
          return "commit"
        }
        return "rollback"
      })
    } catch (error) {
      return error instanceof AvmError.StoreError ? Exit.fail(error) : Exit.die(error)
    }
    cache.shrink()
    return committer.pace.answered(scheduler, outcome)
  }

  // -------------------------------------------------------------------------
  // snapshots
  // -------------------------------------------------------------------------

  const letGo = (snapshot: ObjectStore.Snapshot): Effect.Effect<void, AvmError.StoreError> => {
    cache.release(snapshot.version)
    return committer.isLost(snapshot.version) && !committer.told.has(snapshot) ? lost(snapshot) : Exit.void
  }

  const lost = (snapshot: ObjectStore.Snapshot): Exit.Exit<never, AvmError.StoreError> => {
    committer.told.add(snapshot)
    return Exit.fail(snapshotLost(snapshot.version))
  }

  const direct: ObjectStore.Direct = {
    commit,
    snapshot: () =>
      atOnce("the clock", () => {
        cache.hold(committer.clock)
        return Exit.succeed({ version: committer.clock })
      }),
    read: (id, snapshot) =>
      atOnce(id.value, () => {
        const key = id.value
        if (snapshot.version !== Infinity) {
          return committer.isLost(snapshot.version) ? lost(snapshot) : Exit.succeed(read(key, snapshot))
        }
        return committer.isPending(find(key)?.head.commit ?? 0)
          ? looking(key, (scheduler) => after(true, scheduler, key, () => read(key, snapshot)))
          : Exit.succeed(read(key, snapshot))
      }),
    // Who has seen what is not durable yet is not let go before it is; if it never will be, not without being told.
    release: (snapshot) =>
      committer.isPending(snapshot.version)
        ? Effect.withFiberRuntime((fiber) =>
          Effect.zipRight(settled(fiber.currentScheduler), Effect.suspend(() => letGo(snapshot)))
        )
        : letGo(snapshot)
  }

  // -------------------------------------------------------------------------
  // service
  // -------------------------------------------------------------------------

  const service: ObjectStore.Service = {
    snapshot: Effect.suspend(direct.snapshot),
    release: (snapshot) => Effect.suspend(() => direct.release(snapshot)),
    read: (id, snapshot) => Effect.suspend(() => direct.read(id, snapshot)),
    scan: (snapshot) =>
      lookingAt(snapshot, "all objects", (scheduler) => {
        const pending = snapshot.version === Infinity && committer.isPending(committer.clock)
        return after(pending, scheduler, "all objects", () => scan(snapshot))
      }),
    history: (id) => {
      const what = `the history of ${id.value}`
      return looking(
        what,
        (scheduler) => after(committer.isPending(committer.clock), scheduler, what, () => rows.history(id.value))
      )
    },
    commit: (changes, enlisted) =>
      enlisted === undefined
        ? Effect.withFiberRuntime((fiber) =>
          told((tell) => commit(changes, { asker: fiber.id(), scheduler: fiber.currentScheduler }, tell))
        )
        : lookingAt(
          changes.snapshot,
          "what is to be changed",
          (scheduler) => commitWith(changes, enlisted, scheduler)
        ),
    awaitConflict: (reads) =>
      looking("what is waited for", (scheduler) => {
        if (conflicts(reads).length > 0) return settled(scheduler)
        return Effect.async<void>((resume) => {
          const listener = (ids: ReadonlyArray<ObjectId.ObjectId>) => {
            const met = ids.some(({ value: key }) => {
              const now = cache.get(key)?.head.stored.value
              const read = reads.reads.get(key)
              return (read !== undefined && !same(read, now)) || touches(reads, key, now)
            })
            if (!met) return
            stop()
            resume(Effect.void)
          }
          const mailListener = () => {
            if (mail.conflicts(reads.messages).length === 0) return
            stop()
            resume(Effect.void)
          }
          const stop = () => {
            committer.listeners.delete(listener)
            mail.listeners.delete(mailListener)
          }
          committer.listeners.add(listener)
          if (reads.messages !== Mailboxes.noChanges) mail.listeners.add(mailListener)
          return Effect.sync(stop)
        })
      }),
    changes: Stream.asyncPush<ReadonlyArray<ObjectId.ObjectId>>((emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = (ids: ReadonlyArray<ObjectId.ObjectId>) => void emit.single(ids)
          committer.listeners.add(listener)
          return listener
        }),
        (listener) => Effect.sync(() => committer.listeners.delete(listener))
      )
    ),
    readFunction: (name) =>
      looking(`the function ${name}`, () => Exit.succeed(Option.fromNullable(rows.functionNamed(name)))),
    writeFunction: (name, record, expected) =>
      looking(`the function ${name}`, (scheduler) => {
        if (rows.functionNamed(name)?.version !== Option.getOrUndefined(expected)) return Exit.succeed(false)
        const written = committer.alone(
          `the function ${name}`,
          () => rows.writeFunction(name, record),
          () => rows.functionNamed(name)?.version === record.version
        )
        return committer.pace.answered(scheduler, Effect.as(written, true))
      })
  }
  return ObjectStore.withDirect(service, direct)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** What is told, at once or later. */
const told = <A, E>(begin: (tell: (exit: Exit.Exit<A, E>) => void) => void): Effect.Effect<A, E> => {
  let atOnce: Exit.Exit<A, E> | undefined
  let resume = (exit: Exit.Exit<A, E>): void => {
    atOnce = exit
  }
  begin((exit) => resume(exit))
  return atOnce ?? Effect.async<A, E>((resumed) => {
    if (atOnce === undefined) resume = resumed
    else resumed(atOnce)
  })
}

const same = (read: ObjectStore.Read, now: Now): boolean =>
  now?._tag === "StoredObject"
    ? read.exists &&
      (read.metadata === undefined || read.metadata === now.metadataVersion) &&
      (read.state === undefined || read.state === now.stateVersion) &&
      (read.replicas === undefined || read.replicas === now.replicasVersion)
    : !read.exists

/** A24: whether an object has come into the answer of a scan, left it, or changed its metadata in it. */
const touches = ({ scans, snapshot: { version } }: Reads, key: string, now: Now): boolean =>
  scans.some((scan) => {
    if (now === undefined) return false
    const before = scan.answer.has(key)
    if (now._tag === "Tombstone") return before && now.version > version
    return now.metadataVersion > version && (before || answers(scan, now))
  })

/** What a predicate that throws would have done to the scan is a change as well. */
const answers = (scan: ObjectStore.Scan, object: ObjectStore.StoredObject): boolean => {
  try {
    return scan.predicate(object.behaviour, object.metadata)
  } catch {
    return true
  }
}

const idOf = (now: ObjectStore.Stored): ObjectId.ObjectId => now._tag === "Tombstone" ? now.id : now.metadata.id

const keysOf = (entries: Iterable<Entry> | undefined): ReadonlyArray<string> => [...entries ?? []].map(({ key }) => key)

type Attempt<E> =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Retried" }
  | { readonly _tag: "Failed"; readonly error: E }

const attempt = <E>(enlisted: STM.STM<unknown, E>): STM.STM<Attempt<E>> =>
  STM.suspend(() => {
    let ended: Attempt<E> = { _tag: "Retried" }
    const run = STM.matchSTM(enlisted, {
      onFailure: (error) => {
        ended = { _tag: "Failed", error }
        return STM.retry
      },
      onSuccess: (): STM.STM<Attempt<E>> => STM.succeed({ _tag: "Done" })
    })
    return STM.orElse(run, () => STM.sync(() => ended))
  })

const isFailure = (thrown: unknown): thrown is Failure =>
  thrown instanceof ObjectUnreadable || thrown instanceof IdTaken || thrown instanceof StoreClosed
