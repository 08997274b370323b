/** The subject of an invocation, which every line of its log and its trace carry. */
export interface Subject {
  collection?: string;
  execution?: string;
  /** Version of the base, which was current when the round was planned. */
  version?: number;
}

/** Collection, execution and base version, if the input or output of a step has them. */
export function subjectOf(value: unknown): Subject {
  const { input, state, ...own } = fieldsOf(value);
  const {
    collection,
    executionArn,
    execution = executionArn,
    base,
  } = { ...fieldsOf(input), ...own, ...fieldsOf(state) };
  const { version } = fieldsOf(base);
  return {
    ...(typeof collection === 'string' ? { collection } : {}),
    ...(typeof execution === 'string' ? { execution } : {}),
    ...(typeof version === 'number' ? { version } : {}),
  };
}

/** Events about executions carry their input as JSON text. */
function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'string') return { ...(value as object) };
  try {
    return { ...JSON.parse(value) };
  } catch {
    return {};
  }
}
