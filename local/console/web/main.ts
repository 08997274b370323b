/** The frame of the page: which page is shown, the navigation, and whether the data is live. */
import { render, type VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { CollectionPage } from './collection-page.ts';
import { CollectionsPage } from './collections-page.ts';
import { setConnection, useConnection, useData } from './data.ts';
import { ExecutionPage } from './execution-page.ts';
import { ExecutionsPage } from './executions-page.ts';
import { LocksPage } from './locks-page.ts';
import { link, type Route, useRoute } from './router.ts';
import { Empty, Heading, html } from './ui.ts';
import { useUtc } from './zone.ts';

const PAGES = [
  ['executions', 'Executions'],
  ['collections', 'Collections'],
  ['locks', 'Locks'],
] as const;

function App(): VNode {
  const route = useRoute();
  // Every time on the page follows it.
  useUtc();
  const [section = 'executions', ...rest] = route.path;
  const title = PAGES.find(([id]) => id === section)?.[1] ?? 'Not found';
  useEffect(() => {
    document.title = `${[rest.at(-1), title].filter(Boolean).join(' – ')} – chroma-compactor`;
    scrollTo(0, 0);
  }, [route.path.join('/')]);
  return html`<a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <${Frame} section=${section} />
    <main id="content" tabindex="-1"><${Page} key=${route.path.join('/')} section=${section} rest=${rest} route=${route} /></main>`;
}

/** The address after `#` is the route, so the link must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function Page({ section, rest, route }: { section: string; rest: string[]; route: Route }): VNode {
  const [first, second] = rest;
  if (section === 'executions' && first !== undefined && second !== undefined) {
    return html`<${ExecutionPage} machine=${first} name=${second} query=${route.query} />`;
  }
  if (section === 'executions') return html`<${ExecutionsPage} query=${route.query} />`;
  if (section === 'collections' && first !== undefined)
    return html`<${CollectionPage} name=${first} query=${route.query} />`;
  if (section === 'collections') return html`<${CollectionsPage} />`;
  if (section === 'locks') return html`<${LocksPage} query=${route.query} />`;
  return html`<${Heading}>Not found<//><${Empty} title="There is no such page."><p><a href=${link(['executions'])}>Executions</a></p><//>`;
}

function Frame({ section }: { section: string }): VNode {
  const { isLive, isReachable } = useConnection();
  const [isUtc, setUtc] = useUtc();
  const { data: stack } = useData<{ storeUrl: string }>('/api/stack', () => true);
  const state = isReachable ? (isLive ? 'Live' : 'Paused') : 'No answer';
  return html`<header class="top">
      <a class="brand" href=${link(['executions'])}>
        <img src="/console/web/icon.svg" alt="" width="26" height="26" />
        <span>chroma-compactor</span><span class="where" title=${stack?.storeUrl ?? ''}>local</span>
      </a>
      <nav aria-label="Pages">
        ${PAGES.map(
          ([id, title]) =>
            html`<a href=${link([id])} aria-current=${section === id ? 'page' : undefined} key=${id}>${title}</a>`,
        )}
      </nav>
      <button
        type="button"
        class="zone"
        aria-label="Times in UTC"
        aria-pressed=${isUtc}
        title=${isUtc ? 'Times are in UTC' : `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`}
        onClick=${() => setUtc(!isUtc)}
      >
        UTC
      </button>
      <button
        type="button"
        class=${`live ${isReachable ? (isLive ? 'is-live' : '') : 'is-lost'}`}
        aria-pressed=${isLive}
        title="Keep what is shown up to date"
        onClick=${() => setConnection({ isLive: !isLive })}
      >
        <span class="dot" aria-hidden="true"></span><span>${state}</span>
      </button>
    </header>
    ${
      isReachable
        ? null
        : html`<p class="banner" role="alert">The local stack does not answer. What is shown is as it was; start it again with <code>npm run local</code>.</p>`
    }`;
}

const root = document.getElementById('app');
if (root !== null) render(html`<${App} />`, root);
