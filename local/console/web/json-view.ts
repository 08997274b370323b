/** JSON, formatted and coloured, always as text. */
import type { VNode } from 'preact';
import { html } from './ui.ts';

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Longer texts are shown plain, since the browser is slow to colour them. */
const COLOURED = 60_000;

export function JsonView({ text, label }: { text: string | null; label: string }): VNode {
  if (text === null) return html`<p class="muted">None.</p>`;
  const formatted = layOut(text);
  return html`<pre class="json" tabindex="0" aria-label=${label} role="group">${formatted.length > COLOURED ? formatted : coloured(formatted)}</pre>`;
}

/** A JSON text within a JSON string, such as Lambda's cause, is expanded as well. */
function layOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function coloured(text: string): Array<string | VNode> {
  const parts: Array<string | VNode> = [];
  let done = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, string, colon] = match;
    parts.push(text.slice(done, match.index));
    const kind = string === undefined ? 'j-value' : colon === undefined ? 'j-string' : 'j-key';
    parts.push(html`<span class=${kind}>${string ?? token}</span>`, colon ?? '');
    done = match.index + token.length;
  }
  return [...parts, text.slice(done)];
}
