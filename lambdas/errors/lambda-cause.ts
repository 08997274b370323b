/** The message in a cause, which Lambda gives as JSON. A cause that is not such JSON is returned unchanged. */
export function messageInCause(cause: string): string {
  try {
    return String((JSON.parse(cause) as { errorMessage?: string }).errorMessage ?? cause);
  } catch {
    return cause;
  }
}
