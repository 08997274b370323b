/** The token of an endpoint as Secrets Manager gives it: read once, found again when it was changed. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, it } from 'vitest';
import { SecretToken } from '../../lambdas/adapters/secret-token.ts';
import { SecretUnavailableError } from '../../lambdas/errors/errors.ts';
import { MemoryTelemetry } from '../support/memory-surroundings.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:Token-AbCdEf';

/** A secret that changes, a clock that is set, and how often the secret was asked for. */
function prepare() {
  const world = { secret: 'first', isDown: false, now: 0, reads: 0 };
  const client = new SecretsManagerClient({ region: 'us-east-1' });
  client.middlewareStack.add(
    () => async () => {
      world.reads++;
      if (world.isDown) throw Object.assign(new Error('planted'), { name: 'InternalServiceError' });
      return { output: { $metadata: {}, SecretString: `${world.secret}\n` }, response: {} } as never;
    },
    { step: 'initialize', name: 'answer', priority: 'low' },
  );
  const telemetry = new MemoryTelemetry();
  const token = new SecretToken(client, ARN, { clock: { monotonic: () => world.now }, telemetry });
  return { world, telemetry, accepts: (sent: string) => token.accepts((known) => known === sent) };
}

const minutes = (count: number) => count * 60_000;

describe('a token', () => {
  it('is read once by all who ask, without the end of its line', async () => {
    const { world, accepts } = prepare();

    const answers = await Promise.all([accepts('first'), accepts('first'), accepts('other')]);

    expect([answers, world.reads]).toEqual([[true, true, false], 1]);
  });

  it('that was changed is accepted at once, unless somebody has just looked', async () => {
    const { world, accepts } = prepare();
    await accepts('first');
    world.secret = 'second';

    const tooSoon = await accepts('second');
    world.now = minutes(1);
    const later = await accepts('second');
    const former = await accepts('first');

    expect([tooSoon, later, former, world.reads]).toEqual([false, true, false, 2]);
  });

  it('of before is believed for five minutes', async () => {
    const { world, accepts } = prepare();
    await accepts('first');
    world.secret = 'second';
    world.now = minutes(5) - 1;
    const still = await accepts('first');
    world.now = minutes(5);

    const gone = await accepts('first');

    expect([still, gone]).toEqual([true, false]);
  });

  it('is not asked for by every wrong one', async () => {
    const { world, accepts } = prepare();

    for (let second = 0; second < 60; second++) {
      world.now = second * 1_000;
      await accepts('wrong');
    }

    expect(world.reads).toBe(2);
  });

  it('stays while it cannot be read again, and is refused to nobody before it was read', async () => {
    const { world, telemetry, accepts } = prepare();
    world.isDown = true;
    await expect(accepts('first')).rejects.toThrow(SecretUnavailableError);
    await expect(accepts('first')).rejects.toThrow(/InternalServiceError: planted.*the role may read it/);
    world.isDown = false;
    await accepts('first');
    world.isDown = true;
    world.now = minutes(6);

    const stays = await accepts('first');

    expect(stays).toBe(true);
    expect(telemetry.warnings).toEqual([expect.stringContaining('stays')]);
  });
});
