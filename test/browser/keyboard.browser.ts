/** Everything that the pointer can do, the keyboard can; and where the focus is can be seen. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { complaintsOf, launchBrowser, openPage, PATIENCE_MS } from './browser.ts';
import { World } from './world.ts';

let browser: Browser;
let world: World;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
  world = await World.open();
  await world.one();
  await world.several();
  page = await openPage(browser, { width: 1280, scheme: 'light' });
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

const open = async (route: string) => {
  await page.goto('about:blank');
  await page.goto(`${world.url}/#${route}`);
  await expect.poll(() => page.locator('.loading').count(), { timeout: PATIENCE_MS }).toBe(0);
  await page.locator('h1').waitFor();
};
const focused = (what: string) => page.evaluate(`document.activeElement?.${what}`) as Promise<string>;

/** Press Tab until an element is reached. @throws Error (it is not within 80 steps) */
async function tabTo(selector: string): Promise<void> {
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)})`)) return;
  }
  throw new Error(`Tab does not reach ${selector}.`);
}

it('begins with a way past the navigation', async () => {
  await open('/executions');
  await page.keyboard.press('Tab');
  expect(await focused('textContent')).toBe('Skip to the content');

  await page.keyboard.press('Enter');

  expect(await focused('id')).toBe('content');
  expect(page.url()).toContain('#/executions');
});

it('opens an execution from the list and, there, a state; the heading has the focus between', async () => {
  await open('/executions');
  await tabTo('a[href="#/executions/compaction/animals-first"]');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'animals-first' }).waitFor();
  await expect.poll(() => focused('tagName')).toBe('H1');

  await tabTo('[data-state=MergeDeltas]');
  await page.keyboard.press('Enter');

  await page.locator('.state-view h3', { hasText: 'MergeDeltas' }).waitFor();
  expect(await focused('dataset.state')).toBe('MergeDeltas');
});

it('shows where the focus is, on links, states and lock events', async () => {
  await open('/executions/compaction/animals-first');
  await tabTo('nav a');
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
  await tabTo('[data-state=ValidateCas]');
  const ring = 'getComputedStyle(document.activeElement.querySelector(".node-focus")).strokeWidth';
  expect(await page.evaluate(ring)).toBe('3px');
});

it('goes from event to event and from lane to lane in the swimlane, with what each is', async () => {
  await open('/locks?collection=animals');
  await tabTo('[data-item]');
  const first = await focused('dataset.item');
  await expect.poll(() => page.locator('.tooltip').count()).toBe(1);
  expect(await page.locator('.tooltip strong').innerText()).not.toBe('');

  await page.keyboard.press('ArrowRight');
  await expect.poll(() => focused('dataset.item')).not.toBe(first);
  expect(await page.locator('[data-item][tabindex="0"]').count()).toBe(1);
  const lane = await focused('closest("[data-lane]").dataset.lane');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => focused('closest("[data-lane]").dataset.lane')).not.toBe(lane);
  expect(await focused('getAttribute("aria-label")')).toMatch(/At|From/);

  const shown = await page.locator('.panel-head .note').first().innerText();
  await page.keyboard.press('+');
  await expect.poll(() => page.locator('.panel-head .note').first().innerText()).not.toBe(shown);
  await page.keyboard.press('Enter');
  await page.locator('.graph').waitFor();
});

it('pauses and goes on', async () => {
  await open('/executions');
  await tabTo('.live');
  await page.keyboard.press('Enter');
  expect(await page.locator('.live').innerText()).toContain('Paused');

  world.start('animals', 'unseen');
  await world.idle();
  await page.keyboard.press('Enter');

  await page.locator('tbody a', { hasText: 'unseen' }).waitFor();
  expect(complaintsOf(page)).toEqual([]);
});
