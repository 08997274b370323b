/** The message in a cause that Lambda reports as JSON. Any other cause is returned unchanged. */
export function messageInCause(cause: string): string {
  try {
    return String((JSON.parse(cause) as { errorMessage?: string }).errorMessage ?? cause);
  } catch {
    return cause;
  }
}
