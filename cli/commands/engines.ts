import type { Command } from 'commander';
import { type LookedAt, locateEngine, lookEverywhere } from '../../lambdas/adapters/chroma/locator.ts';
import { ENGINE_ADVICE } from '../../lambdas/errors/engine-advice.ts';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { canOpen } from '../../lambdas/versions/refuse-older.ts';
import { walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { withCollection } from '../command.ts';
import { columns, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Target } from '../target.ts';

/** A retained version, and the Chroma that wrote it; `null` for one without records, which needs none. */
interface Written {
  version: number;
  engine: string | null;
}

interface EngineReport extends LookedAt {
  used: boolean;
  /** Why it is used, or not. */
  why: string;
  /** Retained versions of the collection that it opens, newest first. */
  opens?: number[];
}

/** `compactor engines`: which Chroma servers are here, what each can open, and which one is used. */
export function engines(program: Command): void {
  const command = program
    .command('engines [collection]')
    .description('list the Chroma servers found here, what each can open, and which one is used')
    .addHelpText(
      'after',
      `
Used is what CHROMA_BIN names. Without it, the first that runs of what npm brought; only where nothing of that runs, chroma
of an active virtual environment (VIRTUAL_ENV), then the first on PATH. A server opens what the same Chroma or an older one
wrote; with a collection, its retained versions are compared. Exits with 1 when no server runs, with 3 when the one in use
is too old for the current version.

Linux with Python 3.9 and glibc 2.17, or later, gets a current one by: pip install chromadb

Example:
  compactor engines
  compactor engines pets --json`,
    );
  withCollection<[string | undefined]>(command, async ({ target, output }, collection) => {
    const { looked, used, written } = await withProgress(output, 'Looking for Chroma servers', async () => ({
      looked: await lookEverywhere(),
      used: await locateEngine().catch(refused),
      written: collection === undefined ? undefined : await readWritten(target, collection),
    }));
    const source = typeof used === 'string' ? undefined : used.identity.source;
    const reports = looked.map((engine): EngineReport => report(engine, source, written));
    const isNamed = looked[0]?.foundBy === 'CHROMA_BIN';
    output.result(
      { engines: reports, ...(written !== undefined && { collection, versions: written }) },
      [tableOf(reports, written), ...advice(reports, written, isNamed)].join('\n'),
    );
    const [current] = written ?? [];
    if (source === undefined) process.exitCode = EXIT.failed;
    else if (current !== undefined && !reports.some((one) => one.used && opens(one, current))) {
      process.exitCode = EXIT.refused;
    }
  });
}

function refused(error: unknown): string {
  if (error instanceof EngineUnavailableError) return error.message;
  throw error;
}

/** Newest first. */
async function readWritten({ ports }: Target, collection: string): Promise<Written[]> {
  const written: Written[] = [];
  for await (const { manifest } of walkVersions(ports, collection)) {
    written.push({ version: manifest.version, engine: manifest.engine?.version ?? null });
  }
  return written;
}

const WHY: Readonly<Record<LookedAt['foundBy'], string>> = {
  CHROMA_BIN: 'CHROMA_BIN names it',
  npm: 'the first that npm brought and that runs',
  VIRTUAL_ENV: 'nothing that npm brought runs',
  PATH: 'nothing that npm brought runs, nor an active virtual environment has',
};

function report(
  engine: LookedAt,
  usedSource: string | undefined,
  written: readonly Written[] | undefined,
): EngineReport {
  const used = engine.source === usedSource;
  const why = engine.problem ?? (used ? WHY[engine.foundBy] : 'another comes first');
  const opened = written?.filter((each) => opens(engine, each)).map(({ version }) => version);
  return { ...engine, used, why, ...(opened !== undefined && { opens: opened }) };
}

function opens({ version }: LookedAt, { engine }: Written): boolean {
  return version !== null && canOpen(version, engine);
}

function tableOf(reports: readonly EngineReport[], written: readonly Written[] | undefined): string {
  const rows = reports.map(({ used, version, source, why, opens: opened }) => [
    source,
    version === null ? 'does not run' : `up to chroma ${version}`,
    ...(written === undefined ? [] : [`${opened?.length ?? 0} of ${written.length}`]),
    used ? 'yes' : 'no',
    why,
  ]);
  return columns([['engine', 'opens', ...(written === undefined ? [] : ['versions']), 'used', 'why'], ...rows]);
}

function advice(reports: readonly EngineReport[], [current]: readonly Written[] = [], isNamed: boolean): string[] {
  const used = reports.find((engine) => engine.used);
  if (used === undefined) {
    return [`No Chroma server ${isNamed ? 'runs where CHROMA_BIN points' : 'runs here'}. ${ENGINE_ADVICE}`];
  }
  if (current === undefined || opens(used, current)) return [];
  const other = reports.find((engine) => opens(engine, current));
  const remedy =
    other === undefined
      ? `None here opens it. Set CHROMA_BIN to that version or a newer one: ${ENGINE_ADVICE}`
      : `One that opens it is here: ${other.foundBy === 'npm' ? 'unset CHROMA_BIN' : `export CHROMA_BIN=${other.source}`}`;
  return [`The current version ${current.version} was written by chroma ${current.engine}. ${remedy}`];
}
