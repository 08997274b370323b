/** The story behind docs/reference/cli.md leaves nothing out. test/e2e/reference.test.ts plays it. */
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { normalise } from '../../docs/generator/normalise.ts';
import { STORY } from '../../docs/generator/story.ts';

const { commands } = await createProgram({});

describe('the story', () => {
  it.each(commands.map((command) => ({ name: command.name(), command })))(
    'shows what $name prints: else add lines to docs/generator/story.ts, and `npm run docs`',
    ({ name, command }) => {
      const lines = STORY.filter(({ shownIn }) => shownIn === name);
      expect(lines.map(({ typed }) => typed)).toContainEqual(expect.stringContaining(`compactor ${name} `));
      expect(command.description()).not.toBe('');
    },
  );

  it('has no section without its command', () => {
    const names = commands.map((command) => command.name());
    expect(STORY.filter(({ shownIn }) => shownIn !== undefined && !names.includes(shownIn))).toEqual([]);
  });
});

describe('normalise', () => {
  it('replaces what differs from run to run, and nothing else', () => {
    const text = [
      'Delta 01KB2M1VG8Q2Q5X4Y7Z3W9T6RS of /tmp/x/y after 31 ms, 1.5 KiB, 4 records by chroma 1.0.0',
      '{"claimMs": 12, "packBytes": 7, "records": 7, "sealedAt": "2026-11-24T05:00:00.123Z"}',
      'http://127.0.0.1:4599 of 5 s',
    ].join('\n');

    expect(normalise(text, '/tmp/x')).toBe(
      [
        'Delta <ulid> of <directory>/y after <n> ms, <size>, 4 records by chroma <version>',
        '{"claimMs": <n>, "packBytes": <n>, "records": 7, "sealedAt": "<time>"}',
        'http://127.0.0.1:<port> of 5 s',
      ].join('\n'),
    );
  });

  it('sets columns anew, whatever their widths were', () => {
    const wide = 'version  sealed                    own pack\n     10  2026-11-24T05:00:00.123Z  12.5 KiB\n';
    const narrow = 'version  sealed  own pack\n     10  2026-11-24T05:00:00Z  3 B\nDone.\n';

    expect(normalise(wide, '/x')).toBe('version  sealed  own pack\n     10  <time>  <size>');
    expect(normalise(narrow, '/x')).toBe('version  sealed  own pack\n     10  <time>  <size>\nDone.');
  });
});
