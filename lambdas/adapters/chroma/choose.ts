/** Determines which collection of a directory is meant. */
import { InvalidInputError } from '../../errors/errors.ts';
import { DEFAULT_DATABASE, DEFAULT_TENANT, type Survey, type SurveyedCollection } from './survey.ts';

/** A collection that holds records. */
export type ChosenCollection = SurveyedCollection & { dimension: number };

/** A name is unique only within its database. */
export function fullName({ tenant, database, name }: SurveyedCollection): string {
  return `${tenant}/${database}/${name}`;
}

/** As Chroma's users know it: they do not see the default tenant and database. */
export function shownName(collection: SurveyedCollection): string {
  const { tenant, database, name } = collection;
  return tenant === DEFAULT_TENANT && database === DEFAULT_DATABASE ? name : fullName(collection);
}

/**
 * @param chosen A name, or `tenant/database/name`; needed when there are several.
 * @throws InvalidInputError (no such collection, several, an empty one)
 */
export function chooseCollection({ collections }: Survey, source: string, chosen?: string): ChosenCollection {
  const wanted = collections.filter((one) => chosen === undefined || one.name === chosen || fullName(one) === chosen);
  const [collection, ...others] = wanted;
  if (collection === undefined) {
    throw new InvalidInputError(
      collections.length === 0
        ? `"${source}" holds no collection.`
        : `"${source}" holds no collection "${chosen}". It holds ${list(collections)}: choose one of them by --collection.`,
    );
  }
  if (others.length > 0) {
    throw new InvalidInputError(
      `"${source}" holds several collections${chosen === undefined ? '' : ` "${chosen}"`}: ${list(wanted)}. Choose one by --collection.`,
    );
  }
  const { dimension } = collection;
  if (dimension === null || collection.records === 0) {
    throw new InvalidInputError(
      `"${fullName(collection)}" in "${source}" is empty, so there is nothing to import. Use: compactor create.`,
    );
  }
  return { ...collection, dimension };
}

/** Use full names as soon as a plain one is ambiguous. */
function list(collections: readonly SurveyedCollection[]): string {
  const databases = new Set(collections.map(({ tenant, database }) => `${tenant}/${database}`));
  return collections
    .map((one) => `"${databases.size > 1 ? fullName(one) : one.name}" (${one.records} records)`)
    .join(', ');
}
