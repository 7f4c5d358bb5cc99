/** The memory layer of the port, by its laws. */
import { ObjectStore } from "@effect-avm/core"
import * as MailboxesLaws from "@effect-avm/testkit/MailboxesLaws"

MailboxesLaws.suite("memory", ObjectStore.layerMemory)
