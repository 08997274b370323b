/** What the collections must hold at the end, kept beside the system under demonstration. */
import type { EngineRecord, Metadata } from '../../lambdas/ports.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';

export class Model {
  readonly records = new Map<string, EngineRecord>();

  apply(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.op === 'delete') this.records.delete(operation.id);
      else {
        const { op: _op, ...fields } = operation;
        const before = this.records.get(operation.id);
        const metadata: Metadata = { ...before?.metadata, ...fields.metadata };
        this.records.set(operation.id, { ...before, ...fields, metadata });
      }
    }
  }

  /** Differences from what was read back, in words; none means equal. */
  differences(actual: readonly EngineRecord[]): string[] {
    const found = new Map(actual.map((record) => [record.id, record]));
    const wrong: string[] = [];
    for (const [id, expected] of this.records) {
      const record = found.get(id);
      if (record === undefined) wrong.push(`${id} is missing`);
      else if (record.document !== expected.document) wrong.push(`${id} has another document`);
      else if (!sameMetadata(record.metadata, expected.metadata)) wrong.push(`${id} has other metadata`);
      else if (!sameVector(record.embedding, expected.embedding)) wrong.push(`${id} has another embedding`);
    }
    for (const id of found.keys()) if (!this.records.has(id)) wrong.push(`${id} should not be there`);
    return wrong;
  }
}

function sameMetadata(a: Metadata | undefined, b: Metadata | undefined): boolean {
  const sorted = (metadata: Metadata = {}) => JSON.stringify(Object.entries(metadata).sort());
  return sorted(a) === sorted(b);
}

/** Half a unit in the last place of a 32-bit float near one. */
const TOLERANCE = 1e-6;

/** Under cosine distance Chroma may return the vector normalised, so directions are compared. */
function sameVector(a: number[] = [], b: number[] = []): boolean {
  const [left, right] = [Math.hypot(...a), Math.hypot(...b)];
  return a.length === b.length && a.every((value, i) => Math.abs(value / left - (b[i] as number) / right) <= TOLERANCE);
}
