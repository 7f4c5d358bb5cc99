/** The laws of the smaller ports, on every layer that there is. */
import { IdGenerator, Reachability, Scheduling, Trace } from "@effect-avm/core"
import { Sqlite, SqliteTrace } from "@effect-avm/sqlite"
import * as PortLaws from "@effect-avm/testkit/PortLaws"
import { Layer } from "effect"

PortLaws.idGenerator("random", IdGenerator.layerRandom)
PortLaws.idGenerator("counter", IdGenerator.layerCounter)
PortLaws.reachability("all", Reachability.layerAll)
PortLaws.reachability("test", Reachability.layerTest)
PortLaws.scheduling("fair", Scheduling.layerFair)
PortLaws.scheduling("seeded", Scheduling.layerSeeded(7))
PortLaws.trace("none", Trace.layerNone)
PortLaws.trace("ring", Trace.layerRing({ capacity: 3 }))
PortLaws.trace("a ring with room", Trace.layerRing({ capacity: 1000 }))
PortLaws.trace("pubsub", Trace.layerPubSub)
PortLaws.trace("followed", Layer.provide(Trace.layerFollowed, Trace.layerRing({ capacity: 1000 })))
PortLaws.trace("SQLite", Layer.provide(SqliteTrace.layer(), Sqlite.layerStore({ filename: ":memory:" })))
