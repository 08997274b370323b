/** The token of an endpoint, kept in Secrets Manager. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SecretUnavailableError } from '../errors/errors.ts';
import type { Clock, Telemetry } from '../ports.ts';

/** How long a token is cached, in milliseconds. After a rotation the former token is accepted for at most this long. */
const KEPT_MS = 5 * 60_000;
/**
 * If a request sends another token, the cached one is read again once it is older than this (in milliseconds): it may
 * have been rotated.
 */
const DOUBTED_MS = 30_000;

export class SecretToken {
  readonly #client: SecretsManagerClient;
  readonly #secretId: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #telemetry: Telemetry;
  #known: { token: string; at: number } | undefined;
  #reading: Promise<string> | undefined;

  /** @param secretId Name or ARN. */
  constructor(
    client: SecretsManagerClient,
    secretId: string,
    { clock, telemetry }: { clock: Pick<Clock, 'monotonic'>; telemetry: Telemetry },
  ) {
    this.#client = client;
    this.#secretId = secretId;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /** @throws SecretUnavailableError (it was never read) */
  async accepts(isToken: (token: string) => boolean): Promise<boolean> {
    return isToken(await this.#tokenOf(KEPT_MS)) || isToken(await this.#tokenOf(DOUBTED_MS));
  }

  /** A cached token older than `maxAgeMs` is read again; if that fails, the cached one stays in use. */
  async #tokenOf(maxAgeMs: number): Promise<string> {
    const known = this.#known;
    if (known !== undefined && this.#clock.monotonic() - known.at < maxAgeMs) return known.token;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    try {
      return await this.#reading;
    } catch (error) {
      if (known === undefined) throw error;
      this.#telemetry.warn('The token could not be read again; the one at hand stays.', { reason: String(error) });
      return known.token;
    }
  }

  async #read(): Promise<string> {
    const at = this.#clock.monotonic();
    try {
      const { SecretString = '' } = await this.#client.send(new GetSecretValueCommand({ SecretId: this.#secretId }));
      this.#known = { token: SecretString.trim(), at };
      return this.#known.token;
    } catch (cause) {
      const { name, message } = cause as Error;
      throw new SecretUnavailableError(
        `The token cannot be read from "${this.#secretId}": ${name}: ${message}. Check that the secret exists and that ` +
          'the role may read it, then send the request again.',
        { cause },
      );
    }
  }
}
