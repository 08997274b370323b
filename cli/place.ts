/** Where a command changes something. Each such command names the place, since the environment chooses it. */
export type Place = { local: string } | { store: string; table: string; stateMachine: string };

export function describePlace(place: Place): string {
  if ('local' in place) return `local stack in ${place.local}`;
  const [, , , region = '', account = ''] = place.stateMachine.split(':');
  return `${place.store} with table ${place.table}, in ${region} of account ${account}`;
}
