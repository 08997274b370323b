/**
 * JSON whose member names contain escapes. V8 12.8 to 14.6 at least, and hence Node 24, may confuse such a name with
 * another one that it has met before: after `{"x":1,"\\":2}` it reads `{"x":1,"\"":2}` as the same
 * (github.com/nodejs/node/issues/63785). Users choose the names in metadata, so such texts are read by another parser.
 */
import { type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';

/** Does any member name in this JSON have an escape? */
export function hasEscapedName(text: string): boolean {
  if (!text.includes('\\')) return false;
  for (let start = text.indexOf('"'); start >= 0; ) {
    const end = endOfString(text, start);
    const isName = /\s*:/y;
    isName.lastIndex = end;
    if (isName.test(text) && text.slice(start, end).includes('\\')) return true;
    start = text.indexOf('"', end);
  }
  return false;
}

/** Index after the closing quote, which has an even number of backslashes before it. */
export function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    if (quote < 0) return text.length;
    let first = quote;
    while (text[first - 1] === '\\') first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
}

/** What `JSON.parse` should return. @throws SyntaxError, RangeError (nested thousands deep) */
export function parseJson(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  return hasEscapedName(text) ? parseStrictly(text, Number) : plain;
}

/**
 * Parses like a correct `JSON.parse`: if several members have the same name, the last one counts.
 * @param numberOf Returns the value of a number's literal.
 * @throws SyntaxError
 */
export function parseStrictly(text: string, numberOf: (literal: string) => unknown): unknown {
  let root: unknown;
  const open: Array<{ add: (value: unknown) => void; close: () => void }> = [];
  const add = (value: unknown) => {
    const parent = open.at(-1);
    if (parent === undefined) root = value;
    else parent.add(value);
  };
  let names: string[] = [];
  const begin = (container: { add: (value: unknown) => void; value: () => unknown }) => {
    open.push({ add: container.add, close: () => add(container.value()) });
  };
  const end = () => open.pop()?.close();
  visit(
    text,
    {
      onObjectBegin: () => {
        const entries: Array<[string, unknown]> = [];
        // Own properties, so that `__proto__` is a name like any other.
        begin({ add: (value) => entries.push([names.pop() ?? '', value]), value: () => Object.fromEntries(entries) });
      },
      onArrayBegin: () => {
        const items: unknown[] = [];
        begin({ add: (value) => items.push(value), value: () => items });
      },
      onObjectProperty: (name) => void names.push(name),
      onObjectEnd: end,
      onArrayEnd: end,
      onLiteralValue: (value, offset, length) =>
        add(typeof value === 'number' ? numberOf(text.slice(offset, offset + length)) : value),
      onError: (code: ParseErrorCode, offset) => {
        names = [];
        throw new SyntaxError(`${printParseErrorCode(code)} at position ${offset}`);
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  return root;
}
