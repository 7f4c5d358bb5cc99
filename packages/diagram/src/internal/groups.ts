/**
 * What lifelines and objects stand together by.
 */

export const groupOf = (
  { controller, machine }: { readonly controller: string | undefined; readonly machine: string | undefined },
  group: "controller" | "machine"
): string => {
  const name = group === "controller" ? controller : machine
  return name === undefined ? `${group} not known` : `${group} ${name}`
}
