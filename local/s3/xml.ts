/** S3's XML. */
import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import { z } from 'zod';
import { S3Fault } from './fault.ts';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const builder = new XMLBuilder({ ignoreAttributes: false, suppressEmptyNode: false });
// Keys and ETags are always text, whatever they look like, and spaces at their ends are significant.
const parser = new XMLParser({ parseTagValue: false, trimValues: false, isArray: (name) => LISTS.has(name) });
const LISTS = new Set(['Object', 'Part']);

const deletion = z.object({
  Delete: z.object({
    Object: z.array(z.object({ Key: z.string(), ETag: z.string().optional() })).max(1000),
    Quiet: z.string().optional(),
  }),
});
const completion = z.object({
  CompleteMultipartUpload: z.object({
    Part: z.array(z.object({ PartNumber: z.coerce.number().int().positive(), ETag: z.string() })).min(1),
  }),
});

/** @param root name of the element @param content elements by name; an array repeats its element */
export function toXml(root: string, content: Record<string, unknown>): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ [root]: { '@_xmlns': NAMESPACE, ...content } })}`;
}

export function errorXml({ code, message }: S3Fault, resource: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ Error: { Code: code, Message: message, Resource: resource } })}`;
}

export interface Deletion {
  objects: ReadonlyArray<{ key: string; etag?: string }>;
  /** Only failures are reported in the answer. */
  isQuiet: boolean;
}

/** Parses the body of `DeleteObjects`. @throws S3Fault (`MalformedXML`) */
export function parseDeletion(xml: Uint8Array): Deletion {
  const { Object: objects, Quiet } = parse(deletion, xml).Delete;
  return {
    objects: objects.map(({ Key, ETag }) => ({ key: Key, ...(ETag === undefined ? {} : { etag: ETag }) })),
    isQuiet: Quiet === 'true',
  };
}

/** Parses the body of `CompleteMultipartUpload`. @throws S3Fault (`MalformedXML`) */
export function parseCompletion(xml: Uint8Array): ReadonlyArray<{ number: number; etag: string }> {
  return parse(completion, xml).CompleteMultipartUpload.Part.map(({ PartNumber, ETag }) => ({
    number: PartNumber,
    etag: ETag,
  }));
}

function parse<T>(schema: z.ZodType<T>, xml: Uint8Array): T {
  try {
    return schema.parse(parser.parse(Buffer.from(xml).toString()));
  } catch (error) {
    throw new S3Fault(400, 'MalformedXML', 'The XML of the request is not what S3 expects here.', { cause: error });
  }
}

export function xmlResponse(body: string, status = 200): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/xml' } });
}
