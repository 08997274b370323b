/** A real Chromium, and pages in it of a given size and colour scheme that notice every complaint of the browser. */
import { accessSync, constants } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Far more than any page takes: the machine may have other things to do, and only a hang should end here. */
export const PATIENCE_MS = 300_000;

export interface Variant {
  width: number;
  scheme: 'light' | 'dark';
}

export const VARIANTS: Variant[] = [
  { width: 1280, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
  { width: 390, scheme: 'light' },
  { width: 390, scheme: 'dark' },
];

/** With an empty profile of its own, which goes with it. @throws Error (Chromium is not installed, with what to do) */
export async function launchBrowser(): Promise<Browser> {
  try {
    accessSync(CHROMIUM, constants.X_OK);
  } catch (cause) {
    const advice = 'Install it (Debian: apt-get install -y --no-install-recommends chromium), or set CHROMIUM_BIN.';
    throw new Error(`The browser tests need Chromium, and there is none at ${CHROMIUM}. ${advice}`, { cause });
  }
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** Errors of scripts, and what the browser refused or could not load: the policy's violations among them. */
const complaints = new WeakMap<Page, string[]>();

export async function openPage(browser: Browser, { width, scheme }: Variant): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height: width < 700 ? 844 : 900 },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    // Far from UTC, and without a summer time.
    timezoneId: 'Asia/Tokyo',
  });
  const page = await context.newPage();
  await page.addInitScript(WATCH_OVERFLOW);
  page.setDefaultTimeout(PATIENCE_MS);
  const heard: string[] = [];
  complaints.set(page, heard);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') heard.push(message.text());
  });
  page.on('pageerror', (error) => heard.push(error.message));
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') heard.push(`asked for ${request.url()}`);
  });
  return page;
}

export function complaintsOf(page: Page): string[] {
  return complaints.get(page) ?? [];
}

/** Looked at in every frame: a page that jumps into its place as it loads is no page that fits. */
const WATCH_OVERFLOW = `
  window.mostOverflow = 0;
  requestAnimationFrame(function look() {
    const width = document.documentElement?.scrollWidth ?? 0;
    window.mostOverflow = Math.max(window.mostOverflow, width - window.innerWidth);
    requestAnimationFrame(look);
  });`;

/** How far the page reaches beyond the window, or ever did, in pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(
    'Math.max(window.mostOverflow, document.documentElement.scrollWidth - window.innerWidth)',
  ) as Promise<number>;
}

/** What axe-core finds against WCAG 2.2 AA and its own best practices, with the elements. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
  );
}
