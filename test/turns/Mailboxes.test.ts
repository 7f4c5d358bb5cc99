/** The laws of the port, on every layer that there is. */
import * as MailboxesLaws from "@effect-avm/testkit/MailboxesLaws"
import { stores } from "../support/Stores.js"

for (const [name, layer] of stores) MailboxesLaws.suite(name, layer)
