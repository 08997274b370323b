/** The contract suite over every table. */
import { TABLE_ADAPTERS } from './table-adapters.ts';
import { describeTable } from './table-suite.ts';

for (const adapter of TABLE_ADAPTERS) describeTable(adapter);
