/**
 * The settings of a deployment: `compactor:<name>` in the context of cdk.json, or `-c compactor:<name>=<value>`.
 * Combinations that cannot work are refused here, before anything is deployed.
 */
import { z } from 'zod';
import { impossibilities } from './checks.ts';
import { type DeploymentConfig, deployment } from './settings.ts';

export const CONTEXT_PREFIX = 'compactor:';

/**
 * Settings that an app may pass to the construct as `settings`. Name and endpoint are missing, because the construct
 * has props of its own for them.
 */
export type CompactorSettings = Partial<Omit<DeploymentConfig, 'stackName' | 'endpoint'>>;

/** @throws Error that names everything that is wrong, and what to do */
export function parseDeploymentConfig(context: Readonly<Record<string, unknown>>): DeploymentConfig {
  const own = Object.entries(context).filter(([key]) => key.startsWith(CONTEXT_PREFIX));
  return parseSettings(
    `The context "${CONTEXT_PREFIX}*"`,
    Object.fromEntries(own.map(([key, value]) => [key.slice(CONTEXT_PREFIX.length), value])),
  );
}

/**
 * @param source Where the settings come from, for the message.
 * @throws Error that names everything that is wrong, and what to do
 */
export function parseSettings(source: string, settings: Readonly<Record<string, unknown>>): DeploymentConfig {
  const parsed = deployment.safeParse(settings);
  if (!parsed.success) {
    throw new Error(`${source} does not configure a compactor:\n${z.prettifyError(parsed.error)}`);
  }
  const problems = impossibilities(parsed.data);
  if (problems.length > 0) throw new Error(`This configuration cannot work:\n- ${problems.join('\n- ')}`);
  return parsed.data;
}

/**
 * The processor that the functions get.
 * @param builder `process.arch` of the machine that builds the image
 * @throws Error if Lambda does not offer it
 */
export function architectureOf(
  { architecture }: Pick<DeploymentConfig, 'architecture'>,
  builder: string = process.arch,
): 'arm64' | 'x86_64' {
  if (architecture !== 'builder') return architecture;
  if (builder === 'arm64') return 'arm64';
  if (builder === 'x64') return 'x86_64';
  throw new Error(
    `Lambda has no functions for the processor of this machine (${builder}): name one of its own by ` +
      `${CONTEXT_PREFIX}architecture, and build with emulation.`,
  );
}
