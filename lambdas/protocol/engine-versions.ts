/** Versions of the engine: a snapshot must never be opened by an older engine than the one that wrote it. */

/** Order of semantic versions: negative when `a` is older. A pre-release is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [parseVersion(a), parseVersion(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (x.numbers[i] ?? 0) - (y.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (x.preRelease === '' || y.preRelease === '') return Number(x.preRelease === '') - Number(y.preRelease === '');
  return x.preRelease.localeCompare(y.preRelease, 'en', { numeric: true });
}

function parseVersion(version: string): { numbers: number[]; preRelease: string } {
  const [core = '', ...rest] = (version.split('+')[0] ?? '').split('-');
  return { numbers: core.split('.').map((part) => Number.parseInt(part, 10) || 0), preRelease: rest.join('-') };
}
