/**
 * The recorder of `History`: a store that keeps a record of each transaction, and makes a history of the records.
 *
 * A transaction is known by the snapshot object that it holds, one fresh object for each. What each commit did to the
 * metadata is worked out afterwards, from the change sets in the order of their numbers, so as to ask the predicates of
 * scans about every version there was.
 *
 * @since 0.1.0
 */
import { type ObjectId, type ObjectMeta, type ObjectStore, Val } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { History, Outcome, Read, Scan, Span, Transaction, Write } from "../History.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

interface Record {
  readonly name: string
  readonly label: string
  readonly span: Span
  /** As the store below knows it. */
  readonly inner: ObjectStore.Snapshot
  readonly reads: Array<Read>
  readonly scans: Array<Scan["saw"]>
  commit: Span | undefined
  changes: ObjectStore.ChangeSet | undefined
  outcome: Outcome
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Recorder {
  readonly service: ObjectStore.Service
  readonly history: () => History
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (inner: ObjectStore.Service, label: Effect.Effect<string>, yielding: boolean): Recorder => {
  const records: Array<Record> = []
  const open = new Map<ObjectStore.Snapshot, Record>()
  /** The states that were returned, by object and version: a commit outside transactions names versions alone. */
  const states = new Map<string, string>()
  let clock = 0

  const begin = (label: string, span: Span, snapshot: ObjectStore.Snapshot): Record => {
    const record: Record = {
      name: `T${records.length + 1}`,
      label,
      span,
      inner: snapshot,
      reads: [],
      scans: [],
      commit: undefined,
      changes: undefined,
      outcome: { _tag: "Ended" }
    }
    records.push(record)
    return record
  }

  /** Runs an operation of the store, and tells `done` when it was asked and answered. */
  const operation = <A, E>(
    run: Effect.Effect<A, E>,
    done: (answer: A, span: Span, label: string) => A
  ): Effect.Effect<A, E> => {
    const timed = Effect.flatMap(label, (label) =>
      Effect.suspend(() => {
        const from = clock++
        return Effect.map(run, (answer) => done(answer, { from, to: clock++ }, label))
      }))
    return yielding ? Effect.yieldNow().pipe(Effect.zipRight(timed), Effect.zipLeft(Effect.yieldNow())) : timed
  }

  const innerOf = (snapshot: ObjectStore.Snapshot): ObjectStore.Snapshot => open.get(snapshot)?.inner ?? snapshot

  const recordOf = (snapshot: ObjectStore.Snapshot, span: Span, label: string): Record =>
    open.get(snapshot) ?? begin(label, span, snapshot)

  const service: ObjectStore.Service = {
    ...inner,
    snapshot: operation(inner.snapshot, (snapshot, span, label) => {
      const own: ObjectStore.Snapshot = { version: snapshot.version }
      open.set(own, begin(label, span, snapshot))
      return own
    }),
    release: (snapshot) =>
      Effect.suspend(() => {
        const known = innerOf(snapshot)
        open.delete(snapshot)
        return inner.release(known)
      }),
    read: (id, snapshot) =>
      operation(Effect.suspend(() => inner.read(id, innerOf(snapshot))), (stored, span, label) => {
        recordOf(snapshot, span, label).reads.push(...readsOf(id.value, stored))
        if (Option.isSome(stored) && stored.value._tag === "StoredObject") {
          states.set(`${id.value}@${stored.value.stateVersion}`, Val.format(stored.value.state))
        }
        return stored
      }),
    scan: (snapshot) =>
      operation(Effect.suspend(() => inner.scan(innerOf(snapshot))), (objects, span, label) => {
        recordOf(snapshot, span, label).scans.push(
          objects.map(({ metadata, metadataVersion }) => ({ object: metadata.id.value, version: metadataVersion }))
        )
        return objects
      }),
    commit: (changes, enlisted) =>
      operation(
        Effect.suspend(() => inner.commit({ ...changes, snapshot: innerOf(changes.snapshot) }, enlisted)),
        (outcome, span, label) => {
          const record = recordOf(changes.snapshot, span, label)
          if (!open.has(changes.snapshot)) {
            record.reads.push(
              ...outcome._tag === "Conflicted" ? missed(changes, outcome.objects) : claimed(changes, states)
            )
          }
          record.commit = span
          record.changes = changes
          record.outcome = outcome._tag === "Committed"
            ? { _tag: "Committed", number: outcome.version }
            : { _tag: "Refused" }
          return outcome
        }
      ),
    awaitConflict: (changes) =>
      Effect.suspend(() => inner.awaitConflict({ ...changes, snapshot: innerOf(changes.snapshot) }))
  }

  return {
    service,
    history: () => {
      const versions = metadataOf(records)
      return records.map((record) => transactionOf(record, versions))
    }
  }
}

// ---------------------------------------------------------------------------
// reads and writes
// ---------------------------------------------------------------------------

const readsOf = (object: string, stored: Option.Option<ObjectStore.Stored>): ReadonlyArray<Read> => {
  if (Option.isNone(stored)) return [{ object, part: "existence", value: "unborn", relied: true }]
  if (stored.value._tag === "Tombstone") return [{ object, part: "existence", value: "gone", relied: true }]
  const { metadataVersion, replicasVersion, state, stateVersion } = stored.value
  return [
    { object, part: "existence", value: "born", relied: true },
    { object, part: "metadata", version: metadataVersion, relied: true },
    { object, part: "state", value: Val.format(state), version: stateVersion, relied: true },
    { object, part: "replicas", version: replicasVersion, relied: true }
  ]
}

/** What a commit outside transactions says it has read; absence is a read of the snapshot alone, and told by none. */
const claimed = ({ reads }: ObjectStore.ChangeSet, states: ReadonlyMap<string, string>): ReadonlyArray<Read> =>
  [...reads].flatMap(([object, read]): ReadonlyArray<Read> => {
    if (!read.exists) return []
    const value = states.get(`${object}@${read.state}`)
    return [
      { object, part: "existence", value: "born", relied: true },
      ...read.metadata === undefined
        ? []
        : [{ object, part: "metadata" as const, version: read.metadata, relied: true }],
      ...read.state === undefined
        ? []
        : [{
          object,
          part: "state" as const,
          version: read.state,
          ...value === undefined ? {} : { value },
          relied: true
        }],
      ...read.replicas === undefined
        ? []
        : [{ object, part: "replicas" as const, version: read.replicas, relied: true }]
    ]
  })

/** Who is told that it conflicts, where nothing but being there was asked of it, has been read to be gone. */
const missed = (
  { reads }: ObjectStore.ChangeSet,
  objects: ReadonlyArray<ObjectId.ObjectId>
): ReadonlyArray<Read> =>
  objects.flatMap(({ value: object }): ReadonlyArray<Read> => {
    const read = reads.get(object)
    return read?.exists === true && (read.metadata ?? read.replicas ?? read.state) === undefined
      ? [{ object, part: "existence", value: "gone", relied: true }]
      : []
  })

const writesOf = (changes: ObjectStore.ChangeSet): ReadonlyArray<Write> => {
  const writes = new Map<string, Write>()
  // Applied in this order: of two writes of the same part, the last one counts.
  const put = (write: Write) => writes.set(`${write.object}/${write.part}`, write)
  for (const { metadata: { id: { value: object } }, state } of changes.creates) {
    put({ object, part: "existence", value: "born" })
    put({ object, part: "metadata" })
    put({ object, part: "state", value: Val.format(state) })
    put({ object, part: "replicas" })
  }
  for (const [{ value: object }] of [...changes.transfers, ...changes.moves]) put({ object, part: "metadata" })
  for (const [{ value: object }, state] of changes.states) put({ object, part: "state", value: Val.format(state) })
  for (const [{ value: object }] of changes.replicas) put({ object, part: "replicas" })
  for (const { value: object } of changes.destroys) put({ object, part: "existence", value: "gone" })
  return [...writes.values()]
}

// ---------------------------------------------------------------------------
// histories
// ---------------------------------------------------------------------------

/** An object as a commit left it, for the predicates of scans. */
interface Version {
  readonly name: string
  readonly behaviour: string
  readonly metadata: ObjectMeta.ObjectMeta
}

const transactionOf = (record: Record, versions: ReadonlyArray<Version>): Transaction => {
  const { changes, commit, label, name, outcome, reads, scans, span } = record
  return {
    name,
    label,
    snapshot: span,
    ...commit === undefined ? {} : { commit },
    reads: reads.map((read) => ({ ...read, relied: relied(read, changes) })),
    scans: scans.map((saw, index) => {
      const scan = changes?.scans[index]
      return scan === undefined ? { saw } : { saw, matching: versions.filter(answers(scan)).map((_) => _.name) }
    }),
    writes: changes === undefined ? [] : writesOf(changes),
    accepted: changes === undefined ? [] : [...new Set(changes.inputs.map(([{ value }]) => value))],
    outcome
  }
}

/** A commit is made on the parts that were asked for. Where none was asked for, everything returned may have been used. */
const relied = ({ object, part }: Read, changes: ObjectStore.ChangeSet | undefined): boolean => {
  if (changes === undefined) return true
  const read = changes.reads.get(object)
  return read !== undefined && (part === "existence" || read[part] !== undefined)
}

const answers = ({ predicate }: ObjectStore.Scan) => ({ behaviour, metadata }: Version): boolean => {
  try {
    return predicate(behaviour, metadata)
  } catch {
    // A predicate that throws has failed the scan, so that whatever it is asked about matters to it.
    return true
  }
}

const metadataOf = (records: ReadonlyArray<Record>): ReadonlyArray<Version> => {
  const versions: Array<Version> = []
  const now = new Map<string, Omit<Version, "name">>()
  const commits = records.flatMap(({ changes, outcome }) =>
    changes !== undefined && outcome._tag === "Committed" ? [{ changes, number: outcome.number }] : []
  )
  for (const { changes, number } of commits.sort((a, b) => a.number - b.number)) {
    const touched = new Set<string>()
    const change = (object: string, metadata: Partial<ObjectMeta.ObjectMeta>) => {
      const before = now.get(object)
      if (before === undefined) return
      now.set(object, { ...before, metadata: { ...before.metadata, ...metadata } })
      touched.add(object)
    }
    for (const { behaviour, metadata } of changes.creates) {
      now.set(metadata.id.value, { behaviour, metadata })
      touched.add(metadata.id.value)
    }
    for (const [id, controller] of changes.transfers) change(id.value, { currentController: Option.some(controller) })
    for (const [id, machine] of changes.moves) change(id.value, { machine })
    for (const object of touched) {
      const version = now.get(object)
      if (version !== undefined) versions.push({ name: `${object}@${number}`, ...version })
    }
  }
  return versions
}
