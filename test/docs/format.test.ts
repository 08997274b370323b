/**
 * The example of docs/format.md, computed again from what stands on the page: once with Node's own digests and
 * decompression, as another implementation would, and once with the product's code.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { planMerge } from '../../lambdas/protocol/merge-plan.ts';
import { decodePointer, encodePointer } from '../../lambdas/protocol/pointer.ts';
import { blockDigests, contentDigest } from '../../lambdas/snapshot/blocks.ts';
import { encodeDelta, parseDelta } from '../../lambdas/snapshot/delta.ts';
import * as keys from '../../lambdas/snapshot/keys.ts';
import { decodeManifest, encodeManifest } from '../../lambdas/snapshot/manifest.ts';
import { PackBuilder } from '../../lambdas/snapshot/pack.ts';
import { openStored } from '../support/memory-codec.ts';
import { placed } from '../support/placed.ts';
import { decodeRequests, encodeRequests } from '../support/request-deltas.ts';

const PAGE = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8');

const [fileDigests] = blocksUnder('The file');
const pack = Buffer.from(only('The pack').trim(), 'hex');
const delta = only('The delta');
const versions = [bare('Version 0'), bare('Version 1')] as const;
const [pointer = '', canonical = ''] = blocksUnder('The current pointer');
const manifest = JSON.parse(versions[1]);
const content = Buffer.from(`${'a'.repeat(4096)}tail`);

describe('by the page alone', () => {
  it('digests the file', () => {
    const digests = [content.subarray(0, 4096), content.subarray(4096)].map((block) => sha256(block));
    const size = '0000000000001004';
    expect(PAGE).toContain(size);
    const whole = sha256(Buffer.from(digests.join('') + size, 'hex'));
    expect(fileDigests?.trim().split('\n')).toEqual([...digests, whole]);
    expect(manifest.files).toEqual([expect.objectContaining({ size: content.length, digest: whole })]);
  });

  it('finds the file in the pack', () => {
    const [, offset, length, rawLength, digest] = manifest.frames[0];
    const stored = pack.subarray(offset, offset + length);
    expect(sha256(stored)).toBe(digest);
    expect([pack.length, sha256(pack)]).toEqual([manifest.packs[0].size, manifest.packs[0].sha256]);
    const raw = zstdDecompressSync(stored, { maxOutputLength: rawLength });
    expect(raw.equals(content)).toBe(true);
    expect(PAGE).toContain(`\`${manifest.packs[0].key}\`, ${pack.length} bytes`);
  });

  it('follows the digests from the pointer to the delta', () => {
    const stored = JSON.parse(pointer);
    expect(stored.manifest.sha256).toBe(sha256(versions[1]));
    expect(manifest.parent.sha256).toBe(sha256(versions[0]));
    expect(manifest.ledger[0].sha256).toBe(sha256(delta));
    for (const { key } of [stored.manifest, manifest.parent]) expect(PAGE).toContain(`\n\`${key}\``);
  });

  it('has the canonical form of the pointer, and its digest', () => {
    const { sha256: digest, ...rest } = JSON.parse(pointer);
    const sorted = Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(canonical.trimEnd()).toBe(JSON.stringify(sorted));
    expect(sha256(canonical.trimEnd())).toBe(digest);
  });
});

describe("by the product's code", () => {
  it('reads pointer and manifests, and would write the same bytes', () => {
    const decoded = decodePointer(keys.pointerKey('pets'), 'pets', Buffer.from(pointer));
    expect(Buffer.from(encodePointer(decoded)).toString()).toBe(pointer);
    versions.forEach((text, version) => {
      const read = decodeManifest('example', Buffer.from(text), sha256(text));
      expect(Buffer.from(encodeManifest(read).bytes).toString()).toBe(text);
      expect(PAGE).toContain(`\`${keys.manifestKey('pets', version, read.commitId)}\``);
    });
    expect(decoded.manifest.key).toBe(keys.manifestKey('pets', 1, decoded.commitId));
  });

  it('opens the frame, and lays the file out in the same way', async () => {
    const { files, packs } = decodeManifest('example', Buffer.from(versions[1]), sha256(versions[1]));
    const [file] = files;
    const [extent] = file?.extents ?? [];
    if (file === undefined || extent === undefined) throw new Error('The example has one file of one extent.');
    expect(Buffer.from(await openStored(extent.frame, pack)).equals(content)).toBe(true);
    expect(contentDigest({ size: content.length, blocks: blockDigests(content) })).toBe(file.digest);
    const builder = new PackBuilder(packs[0]?.key ?? '');
    const frames = [...builder.add(file.path, 0, content), ...builder.flush()];
    const stored = Buffer.concat([...placed(builder, frames)]);
    // Another zstd may compress into other bytes; what they hold, and where, is the format.
    expect(zstdDecompressSync(stored).equals(content)).toBe(true);
    const [made] = builder.finish().extents.get(file.path) ?? [];
    expect(made).toMatchObject({ offset: 0, length: content.length, frameOffset: 0 });
  });

  it('judges the delta as the ledger says', () => {
    const parsed = parseDelta(Buffer.from(delta), manifest.dimension);
    expect(
      Buffer.from(encodeDelta(parsed.operations.map(({ line: _line, ...operation }) => operation))).toString(),
    ).toBe(delta);
    const plan = planMerge([{ deltaId: 'first', operations: parsed.operations }], new Set());
    expect(plan.rejections.get('first')).toEqual(manifest.ledger[0].rejections);
    expect(plan.growth).toBe(manifest.records);
  });

  it('reads the requests', () => {
    const text = only('Requests');
    const requests = decodeRequests(Buffer.from(text));
    expect(requests.map(({ op }) => op)).toEqual(['add', 'delete']);
    expect(Buffer.from(encodeRequests(requests, JSON.parse(text.split('\n')[0] ?? '').id)).toString()).toBe(text);
  });

  it('lists the members of manifest and pointer in the order in which they are stored', () => {
    const { bytes } = encodeManifest({
      ...decodeManifest('key', Buffer.from(versions[1]), sha256(versions[1])),
      numbered: 1,
    });
    const members = Object.keys(JSON.parse(Buffer.from(bytes).toString()));
    expect(members).toEqual([...Object.keys(manifest), 'numbered']);
    expect(fieldsUnder('Manifest, formats 1 and 2').slice(0, -6)).toEqual(
      members.flatMap((name) => (name === 'files' ? [name, 'files[].extents'] : [name])),
    );
    expect(fieldsUnder('Manifest, formats 1 and 2').slice(-6)).toEqual(Object.keys(manifest.ledger[0]));
    expect(fieldsUnder('Pointer, format 1')).toEqual(Object.keys(JSON.parse(pointer)));
  });
});

function section(heading: string): string {
  const found = new RegExp(`^#{2,3} ${heading}$([\\s\\S]*?)(?=^#{2,3} |(?![\\s\\S]))`, 'm').exec(PAGE)?.[1];
  if (found === undefined) throw new Error(`docs/format.md has no heading "${heading}".`);
  return found;
}

/** Text of the fenced blocks, with the newline at their end. */
function blocksUnder(heading: string): string[] {
  return Array.from(section(heading).matchAll(/^```\w*\n([\s\S]*?)^```$/gm), ([, text = '']) => text);
}

function only(heading: string): string {
  const [text, ...more] = blocksUnder(heading);
  if (text === undefined || more.length > 0) throw new Error(`"${heading}" should have one block.`);
  return text;
}

function bare(heading: string): string {
  return only(heading).trimEnd();
}

/** First column of the tables. */
function fieldsUnder(heading: string): string[] {
  return Array.from(section(heading).matchAll(/^\| `([^`]+)` \|/gm), ([, name = '']) => name);
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
