/** The short form of `npm run bench:history`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { historyDocument } from '../../bench/history/document.ts';
import { measureHistory, placeHistory } from '../../bench/history/run.ts';
import { PRESETS } from '../../bench/network/model.ts';
import { openPorts } from '../../bench/ports.ts';
import { startTable } from '../../local/table.ts';

test('every walk reads each manifest once, however many are on their way', async () => {
  const root = await mkdtemp(join(tmpdir(), 'history-'));
  const table = await startTable();
  const ports = openPorts(root, table.clientConfig);
  try {
    await placeHistory(ports, 70);

    const rows = await measureHistory(ports, PRESETS.local, 70, () => {});

    // The pointer and 70 versions; 71 where version 0 is looked at, too.
    expect(rows.map(({ gets }) => gets)).toEqual([71, 72, 71, 72, 71]);
    expect(rows.map((row) => historyDocument.shape.rows.element.parse(row))).toEqual(rows);
  } finally {
    ports.close();
    await table.close();
    await rm(root, { recursive: true, force: true });
  }
});
