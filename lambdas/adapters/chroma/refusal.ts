/** Rewords Chroma's refusal of data for the producer who sent it. */

/** Parts that do not help a producer: addresses, positions in a request that was built here, the server's own types. */
const NOISE: ReadonlyArray<[RegExp, string]> = [
  [/https?:\/\/\S+/g, 'Chroma'],
  [/ at line \d+ column \d+/g, ''],
  [/ at index \d+/g, ''],
  [/\b(metadata|document|embedding|id)s\[\d+\](?=[.:])/g, '$1'],
  [/\b(\w*Error|Validation error|Failed to \w+ the (request|JSON) body[^:]*): /g, ''],
];
const KNOWN: ReadonlyArray<[RegExp, string]> = [
  [
    /^(?<where>.*?):? ?data did not match any variant.*$/s,
    'the value of "$<where>" is of a kind that this version does not store',
  ],
  [/^.*Invalid metadata.*$/s, 'a key or a value of its metadata is not allowed by this version'],
];
const MAX_LENGTH = 300;

/** @param said The server's or the client's message. */
export function explainRefusal(said: string): string {
  const clean = NOISE.reduce((text, [noise, word]) => text.replace(noise, word), said).trim();
  const known = KNOWN.find(([pattern]) => pattern.test(clean));
  const text = known === undefined ? clean : clean.replace(known[0], known[1]);
  return text.replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, MAX_LENGTH);
}
