/** The laws of the port, on every layer that there is. */
import { ObjectStore } from "@effect-avm/core"
import * as ObjectStoreLaws from "@effect-avm/testkit/ObjectStoreLaws"

ObjectStoreLaws.suite("memory", ObjectStore.layerMemory)
