/** Thrown by checks of a vector index, and caught where the check began. */
export class IndexFault extends Error {}

/** @throws IndexFault (the condition does not hold) */
export function demand(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new IndexFault(what());
}
