/** Texts of S3's protocol, as far as the peers speak it. */

const DEFAULT_KEYS = 1_000;

/** From and to (not included) of a `Range` header; `undefined` for none. */
export function rangeOf(header: string | undefined, size: number): [start: number, end: number] | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') return [Math.max(0, size - Number(to)), size];
  return [Number(from), to === '' ? size : Math.min(size, Number(to) + 1)];
}

/** Key within the bucket of an `x-amz-copy-source`. */
export function copyOf(source: string | string[], bucket: string): string {
  return decodeURIComponent(String(source))
    .replace(/^\//, '')
    .slice(bucket.length + 1);
}

/** Keys of a request to delete several objects. */
export function deletesIn(body: string): string[] {
  return Array.from(body.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key = '']) => unescaped(key));
}

export function deleted(keys: readonly string[]): string {
  const each = keys.map((key) => `<Deleted><Key>${escaped(key)}</Key></Deleted>`);
  return `<?xml version="1.0" encoding="UTF-8"?><DeleteResult>${each.join('')}</DeleteResult>`;
}

export function xml(root: string, members: Record<string, string>): string {
  const inner = Object.entries(members).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  return `<?xml version="1.0" encoding="UTF-8"?><${root}>${inner.join('')}</${root}>`;
}

/** ListObjectsV2: keys in the order of their bytes, with prefix, delimiter and continuation. */
export function listing(objects: ReadonlyMap<string, Uint8Array>, query: URLSearchParams): string {
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const limit = Number(query.get('max-keys') ?? DEFAULT_KEYS);
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const contents: string[] = [];
  const folders = new Set<string>();
  let last: string | undefined;
  for (const key of keys) {
    if (contents.length + folders.size >= limit) break;
    last = key;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (end >= 0) folders.add(key.slice(0, end + delimiter.length));
    else contents.push(entry(key, objects.get(key)?.length ?? 0));
  }
  const isTruncated = last !== undefined && last !== keys.at(-1);
  const common = [...folders].map((folder) => `<CommonPrefixes><Prefix>${escaped(folder)}</Prefix></CommonPrefixes>`);
  const next = isTruncated ? `<NextContinuationToken>${escaped(last ?? '')}</NextContinuationToken>` : '';
  return (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>peers</Name><Prefix>${escaped(prefix)}</Prefix><KeyCount>${contents.length + folders.size}</KeyCount>` +
    `<MaxKeys>${limit}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}${common.join('')}</ListBucketResult>`
  );
}

function entry(key: string, size: number): string {
  return (
    `<Contents><Key>${escaped(key)}</Key><LastModified>1970-01-01T00:00:00.000Z</LastModified><ETag>"0"</ETag>` +
    `<Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  );
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function unescaped(text: string): string {
  return text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');
}
