/** The contract of the table ports, one suite for every adapter. */
import type { LockTable, StatusTable } from '../../lambdas/ports.ts';
import { describeClaims } from './table-claims.ts';
import { describeLockModel } from './table-lock-model.ts';
import { describeLocks } from './table-locks.ts';
import { describeStatuses } from './table-statuses.ts';

export interface TableUnderTest {
  locks: LockTable;
  statuses: StatusTable;
  deleteLock(collection: string): Promise<void>;
  close(): Promise<void>;
}

export interface TableAdapter {
  name: string;
  /** A table that is empty and shared with nobody. */
  open(): Promise<TableUnderTest>;
}

export function describeTable(adapter: TableAdapter): void {
  describeLocks(adapter);
  describeClaims(adapter);
  describeLockModel(adapter);
  describeStatuses(adapter);
}
