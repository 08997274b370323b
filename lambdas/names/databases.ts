/** Tenants and databases. The default ones exist without an object. */
import { databaseKey, databasesPrefix, tenantKey } from '../snapshot/name-keys.ts';
import {
  type DatabaseRecord,
  DEFAULT_DATABASE,
  DEFAULT_DATABASE_ID,
  DEFAULT_TENANT,
  databaseRecord,
  tenantRecord,
  uuidOf,
} from './records.ts';
import { deleteSmall, type Held, readBelow, readSmall, type SmallPorts, writeSmall } from './small-object.ts';

export interface Tenant {
  name: string;
  resourceName: string | null;
}

export interface Database {
  id: string;
  name: string;
  tenant: string;
}

export async function findTenant(ports: SmallPorts, name: string): Promise<Tenant | undefined> {
  const found = await readSmall(ports, tenantKey(name), tenantRecord);
  if (found !== undefined) return { name: found.value.name, resourceName: found.value.resourceName };
  return name === DEFAULT_TENANT ? { name, resourceName: null } : undefined;
}

/** @returns false: it exists already */
export async function createTenant(ports: SmallPorts, name: string): Promise<boolean> {
  if (name === DEFAULT_TENANT) return false;
  const record = { format: 1, name, resourceName: null, revision: ports.ids.ulid() };
  return writeSmall(ports, tenantKey(name), record, undefined);
}

export async function findDatabase(ports: SmallPorts, tenant: string, name: string): Promise<Database | undefined> {
  const held = await readSmall(ports, databaseKey(tenant, name), databaseRecord);
  return shown(held, tenant, name);
}

/** @returns false: it exists already */
export async function createDatabase(ports: SmallPorts, tenant: string, name: string): Promise<boolean> {
  const key = databaseKey(tenant, name);
  const held = await readSmall(ports, key, databaseRecord);
  if (shown(held, tenant, name) !== undefined) return false;
  const revision = ports.ids.ulid();
  const record = { format: 1, id: uuidOf(revision), tenant, name, dropped: false, revision };
  return writeSmall(ports, key, record, held?.etag);
}

/** The caller must drop its collections. @returns the database that was deleted; `undefined`: there was none */
export async function deleteDatabase(ports: SmallPorts, tenant: string, name: string): Promise<Database | undefined> {
  const key = databaseKey(tenant, name);
  for (;;) {
    const held = await readSmall(ports, key, databaseRecord);
    const found = shown(held, tenant, name);
    if (found === undefined) return undefined;
    if (isDefault(tenant, name)) {
      const gone = { format: 1, ...found, dropped: true, revision: ports.ids.ulid() };
      if (await writeSmall(ports, key, gone, held?.etag)) return found;
    } else if (held === undefined || (await deleteSmall(ports, key, held.etag))) return found;
  }
}

/** In the order of their names. */
export async function listDatabases(ports: SmallPorts, tenant: string): Promise<Database[]> {
  const all = await readBelow(ports, databasesPrefix(tenant), databaseRecord, async (record) => record);
  const found = all.filter(({ dropped }) => !dropped).map(toDatabase);
  const hasObject = all.some(({ name }) => isDefault(tenant, name));
  if (tenant === DEFAULT_TENANT && !hasObject) {
    found.push({ id: DEFAULT_DATABASE_ID, name: DEFAULT_DATABASE, tenant });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function shown(held: Held<DatabaseRecord> | undefined, tenant: string, name: string): Database | undefined {
  if (held !== undefined) return held.value.dropped ? undefined : toDatabase(held.value);
  return isDefault(tenant, name) ? { id: DEFAULT_DATABASE_ID, name, tenant } : undefined;
}

function toDatabase({ id, name, tenant }: DatabaseRecord): Database {
  return { id, name, tenant };
}

export function isDefault(tenant: string, database: string): boolean {
  return tenant === DEFAULT_TENANT && database === DEFAULT_DATABASE;
}
