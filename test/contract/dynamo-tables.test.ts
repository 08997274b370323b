/** The DynamoDB adapters on the local table. */
import { startTable } from '../../local/table.ts';
import { describeItems } from './table-items.ts';

describeItems('dynalite', async () => {
  const table = await startTable();
  return { ...table, config: table.clientConfig };
});
