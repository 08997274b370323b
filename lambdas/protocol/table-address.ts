/**
 * Which table a store belongs to. A name is not enough: every local stack calls its table `compactor`, and a table that
 * was deleted and recreated has the same name and no statuses. So a table has an identity, random and created once, and
 * the pointer carries both: `<name>#<identity>`. DynamoDB allows no `#` in a table's name.
 */

export interface TableAddress {
  name: string;
  /** `undefined`: it has none yet. */
  identity: string | undefined;
}

const SEPARATOR = '#';

export function encodeAddress({ name, identity }: TableAddress): string {
  return identity === undefined ? name : `${name}${SEPARATOR}${identity}`;
}

export function decodeAddress(text: string): TableAddress {
  const at = text.lastIndexOf(SEPARATOR);
  if (at < 0) return { name: text, identity: undefined };
  return { name: text.slice(0, at), identity: text.slice(at + 1) };
}

/**
 * May the owner of the table `own` write to a store whose pointer says `claimed`? A pointer without an identity
 * predates them, and acquires that of the first table of its name that writes.
 */
export function isOwnTable(claimed: string, own: TableAddress): boolean {
  const { name, identity } = decodeAddress(claimed);
  return name === own.name && (identity === undefined || identity === own.identity);
}
