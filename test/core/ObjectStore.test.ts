/** The laws of the port, on every layer that there is. */
import * as ObjectStoreLaws from "@effect-avm/testkit/ObjectStoreLaws"
import { stores } from "../support/Stores.js"

for (const [name, layer] of stores) ObjectStoreLaws.suite(name, layer)
