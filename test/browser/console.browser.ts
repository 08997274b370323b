/** The console in a real browser on a real local stack: with zero, one and over 500 executions, wide and narrow. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accessibilityProblems,
  complaintsOf,
  launchBrowser,
  openPage,
  overflowOf,
  PATIENCE_MS,
  VARIANTS,
  type Variant,
} from './browser.ts';
import { HOSTILE, LONG_COLLECTION, LONG_EXECUTION, World } from './world.ts';

const WIDE: Variant = { width: 1280, scheme: 'light' };
/** Both widths and both schemes, where all four would take minutes. */
const OPPOSITES: Variant[] = [WIDE, { width: 390, scheme: 'dark' }];
let browser: Browser;
let world: World;

beforeAll(async () => {
  browser = await launchBrowser();
  world = await World.open();
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

/** Use a page at a route, and hold it to what holds for all of them. */
async function at<Result>(variant: Variant, route: string, use: (page: Page) => Promise<Result>): Promise<Result> {
  const page = await openPage(browser, variant);
  try {
    await page.goto(`${world.url}/#${route}`);
    await page.locator('h1').waitFor();
    await expect.poll(() => page.locator('.loading').count(), { timeout: PATIENCE_MS }).toBe(0);
    const result = await use(page);
    expect(complaintsOf(page)).toEqual([]);
    return result;
  } finally {
    await page.context().close();
  }
}

const texts = (page: Page, selector: string) => page.locator(selector).allInnerTexts();

function fitIn(variants: readonly Variant[], routes: readonly string[]): void {
  it.each(routes.flatMap((route) => variants.map((variant) => ({ route, ...variant }))))(
    '$route fits, and is accessible, at $width pixels, $scheme',
    async ({ route, ...variant }) => {
      await at(variant, route, async (page) => {
        expect(await overflowOf(page)).toBeLessThanOrEqual(0);
        expect(await accessibilityProblems(page)).toEqual([]);
      });
    },
  );
}

describe('with no execution', () => {
  fitIn(VARIANTS, ['/executions', '/collections', '/locks']);

  it('says so, and what to do', async () => {
    await at(WIDE, '/executions', async (page) => {
      expect(await page.locator('main').innerText()).toContain('No execution yet.');
      expect(await page.locator('main pre').innerText()).toContain('npm run cli -- create');
    });
    await at(WIDE, '/executions/compaction/none', async (page) => {
      expect(await page.locator('main').innerText()).toContain('There is no such execution.');
      // What is not there answers 404, which the browser reports: that is all it may report.
      expect(complaintsOf(page).splice(0)).toEqual([expect.stringContaining('404')]);
    });
  });
});

describe('with one execution', () => {
  beforeAll(() => world.one());

  fitIn(VARIANTS, ['/executions', '/executions/compaction/animals-first', '/collections/animals', '/locks']);

  it('lists it with what it did', async () => {
    await at(WIDE, '/executions', async (page) => {
      expect(await texts(page, 'tbody tr')).toHaveLength(1);
      expect(await page.locator('tbody tr').innerText()).toMatch(
        /Succeeded[\s\S]*animals-first[\s\S]*Compacted version 1, 1 delta/,
      );
    });
  });

  it('draws its path on the graph, and shows what a state took and gave', async () => {
    await at(WIDE, '/executions/compaction/animals-first', async (page) => {
      const passed = await page
        .locator('.node-passed')
        .evaluateAll((nodes) => nodes.map((node) => node.getAttribute('data-state')));
      const { stepFunctions } = world.stack;
      const { executionArn } = stepFunctions.store.list({
        stateMachineArn: world.stack.stateMachineArn,
        limit: 1,
      })[0] ?? { executionArn: '' };
      const entered = stepFunctions.store
        .events({ executionArn, reverse: false, limit: 1_000 })
        .flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
      expect(new Set(passed)).toEqual(new Set(entered));
      expect(await page.locator('.edge-taken').count()).toBe(entered.length - 1);
      expect(await texts(page, '.path-name')).toEqual(entered);

      await page.locator('[data-state=SwapPointer]').click();

      await page.locator('.state-view h3', { hasText: 'SwapPointer' }).waitFor();
      expect(await page.locator('[data-state=SwapPointer]').getAttribute('aria-pressed')).toBe('true');
      await page.locator('.json[aria-label=Output]').waitFor();
      expect(JSON.parse(await page.locator('.json[aria-label=Output]').innerText()).committed).toMatchObject({
        version: 1,
      });
      expect(page.url()).toContain('state=SwapPointer');
    });
  });

  it('shows times in UTC, and the whole graph, when asked to', async () => {
    await at(WIDE, '/executions/compaction/animals-first', async (page) => {
      const started = page.locator('.summary time');
      const at = (await started.getAttribute('datetime'))?.slice(11, 19);
      expect(await started.innerText()).not.toContain(at);
      await page.getByRole('button', { name: 'Times in UTC' }).click();
      await started.filter({ hasText: at ?? '' }).waitFor();

      await page.getByRole('button', { name: 'Fit' }).click();
      await page.locator('.graph-tools [aria-pressed=true]').waitFor();
      const beyond = 'Math.max(f.scrollHeight - f.clientHeight, f.scrollWidth - f.clientWidth)';
      expect(await page.evaluate(`(f => ${beyond})(document.querySelector('.graph-frame'))`)).toBe(0);
    });
  });

  it('shows the version, what it cost and who made it', async () => {
    await at(WIDE, '/collections/animals', async (page) => {
      const rows = await texts(page, 'table[aria-label=Versions] tbody tr');
      expect(rows).toHaveLength(2);
      expect(rows[0]).toMatch(/^1\s+20\s+1\s+producer\s+0\s+[\d.]+ KiB\s+[\d.]+ MiB[\s\S]*animals-first/);
    });
  });
});

describe('with over 500 executions', () => {
  beforeAll(async () => {
    await world.several();
    await world.idlers(500);
  });

  fitIn(OPPOSITES, [
    '/executions',
    `/executions?collection=${LONG_COLLECTION}`,
    '/executions/compaction/fails',
    `/executions/compaction/${LONG_EXECUTION}`,
    '/executions/compaction/waits-for-the-lock?state=AcquireValidationLock',
    '/collections',
    '/collections/animals',
    '/collections/food',
    `/collections/${LONG_COLLECTION}`,
    '/locks?collection=animals',
    '/locks?collection=animals&all=1',
  ]);

  it('goes through all of them page by page, each once', async () => {
    const names = await at(WIDE, '/executions', async (page) => {
      const seen: string[] = [];
      for (;;) {
        seen.push(...(await texts(page, 'tbody tr td:nth-child(2)')));
        const first = seen.length + 1;
        const older = page.getByRole('link', { name: 'Older' });
        if ((await older.count()) === 0) return seen;
        await older.click();
        await page.locator('.pager', { hasText: `${first.toLocaleString('en')} to ` }).waitFor();
      }
    });

    const { stateMachineArn, stepFunctions } = world.stack;
    const all = stepFunctions.store.list({ stateMachineArn, limit: 10_000 }).map(({ name }) => name);
    expect(all.length).toBeGreaterThan(500);
    expect(names).toEqual(all);
  });

  it('filters by status and collection', async () => {
    await at(WIDE, '/executions', async (page) => {
      await page.getByRole('link', { name: /^Failed/ }).click();
      await expect.poll(() => texts(page, 'tbody tr td:nth-child(2)')).toEqual(['hostile', 'fails']);
      await page.getByLabel('Collection').selectOption('absent');
      await expect.poll(() => texts(page, 'tbody tr td:nth-child(2)')).toEqual(['fails']);
    });
  });

  it('takes names for text, whatever they hold', async () => {
    await at(WIDE, '/executions?status=FAILED', async (page) => {
      expect(await page.locator('main').innerText()).toContain(HOSTILE.slice(0, 20));
      expect(await page.locator('main img').count()).toBe(0);
    });
  });

  it('says of a failed execution what failed where and why, and draws the catch', async () => {
    await at(WIDE, '/executions/compaction/fails', async (page) => {
      const summary = await page.locator('.summary-main').innerText();
      expect(summary).toContain('CollectionNotFoundError in PlanCompaction');
      expect(summary).toContain('There is no collection "absent"');
      expect(await page.locator('.edge-catch.edge-taken').count()).toBe(1);
      expect(await page.locator('.node-caught').getAttribute('data-state')).toBe('PlanCompaction');
      expect(await page.locator('.node-failed').getAttribute('data-state')).toBe('Failed');
      expect(await page.locator('[data-state=PlanCompaction]').getAttribute('aria-label')).toContain(
        'caught CollectionNotFoundError',
      );
      expect(await page.locator('table[aria-label=Events] .bad-text').allInnerTexts()).toContain('ExecutionFailed');
    });
  });

  it('draws the number of retries, and lists the attempts', async () => {
    await at(WIDE, '/executions/compaction/waits-for-the-lock', async (page) => {
      const badge = await page.locator('[data-state=AcquireValidationLock] .badge-retry').textContent();
      const retries = Number(badge?.replace(/\D/g, ''));
      expect(retries).toBeGreaterThanOrEqual(2);

      await page.getByRole('button', { name: /AcquireValidationLock was retried/ }).click();

      await page.locator('.attempts li').first().waitFor();
      expect(await texts(page, '.attempts li')).toHaveLength(retries + 1);
      expect((await texts(page, '.attempts li'))[0]).toContain('LockHeldError');
    });
  });

  it('shows who held the lock, who collided, who delegated, and the swaps', async () => {
    await at(WIDE, '/locks?collection=animals', async (page) => {
      await page.getByRole('button', { name: 'All of this page' }).click();
      const herd = ['herd-1', 'herd-2', 'herd-3', 'herd-4'];
      const endings = await Promise.all(
        herd.map((name) => page.locator(`[data-lane=${name}] .lane-state`).innerText()),
      );
      expect(endings).toContain('Compacted');
      for (const [index, name] of herd.entries()) {
        const lane = page.locator(`[data-lane=${name}]`);
        const delegated = await lane.locator('.item-delegated').count();
        const swaps = await lane.locator('.item-swap').count();
        expect({ name, isDelegated: delegated > 0, hasSwapped: swaps > 0 }).toEqual({
          name,
          isDelegated: endings[index] === 'Delegated',
          hasSwapped: endings[index] === 'Compacted',
        });
      }
      expect(await page.locator('.item-lock-swap').count()).toBeGreaterThanOrEqual(3);
    });
    await at(WIDE, '/locks?collection=food&execution=waits-for-the-lock', async (page) => {
      expect(await page.locator('.item-collision').count()).toBeGreaterThanOrEqual(3);
      expect(await page.locator('.item-collision').first().getAttribute('aria-label')).toContain(
        'held by somebody-else',
      );
    });
  });

  it('shows what waits, and what was rejected on which line and why', async () => {
    await at(WIDE, '/collections/food', async (page) => {
      expect(await texts(page, 'table[aria-label="Pending deltas"] td:first-child')).toEqual([
        'waiting-0',
        'waiting-1',
        'waiting-2',
      ]);
    });
    await at(WIDE, '/collections/animals', async (page) => {
      expect(await page.locator('.rejections').innerText()).toMatch(/with-bad-lines[\s\S]*line 3[\s\S]*RecordNotFound/);
    });
  });

  it('refreshes by itself without moving what is looked at', async () => {
    await at(WIDE, '/executions', async (page) => {
      await page.mouse.wheel(0, 600);
      const link = page.locator('tbody a.name').nth(30);
      await link.focus();
      const name = await link.innerText();
      const place = () =>
        page
          .locator(`tbody a.name[title="${name}"]`)
          .first()
          .evaluate((row) => row.getBoundingClientRect().y);
      const before = await place();

      world.start('animals', 'arrives-late');

      await expect
        .poll(() => texts(page, 'tbody tr:first-child td:nth-child(2)'), { timeout: PATIENCE_MS })
        .toEqual(['arrives-late']);
      expect(Math.abs((await place()) - before)).toBeLessThan(2);
      expect(await page.evaluate('document.activeElement.textContent')).toBe(name);
    });
  });

  it('stops an execution and starts it again, both only after a confirmation', async () => {
    const release = await world.hold('food');
    world.start('food', 'to-be-stopped');
    await at(WIDE, '/executions/compaction/to-be-stopped', async (page) => {
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.locator('dialog').waitFor({ state: 'detached' });
      expect(world.status('to-be-stopped')).toBe('RUNNING');

      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('button', { name: 'Start again' }).waitFor();
      expect(world.status('to-be-stopped')).toBe('ABORTED');

      await release();
      await page.getByRole('button', { name: 'Start again' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Start again' }).click();
      await page.locator('.status-succeeded').waitFor();
      expect(page.url()).not.toContain('to-be-stopped');
      expect(await page.locator('.actions button').count()).toBe(0);
    });
  });
});
