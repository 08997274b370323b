/** The part of asl-validator that we use; it ships no types. */
declare module 'asl-validator' {
  /** Writes default values into the definition. */
  export default function validate(definition: object): { isValid: boolean; errorsText: () => string };
}
