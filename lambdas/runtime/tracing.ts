/**
 * Traces by Powertools: a subsegment for each step, annotated with its subject, so that X-Ray can find it, and within
 * that one for each call to AWS. Outside Lambda nothing is traced. See docs/adr/0016.
 */
import { Tracer } from '@aws-lambda-powertools/tracer';
import type { Subject } from './subject.ts';

export class Traces {
  // Tracing HTTP would show each call to AWS twice, and each of the thousands of calls to the engine.
  readonly #tracer = new Tracer({ captureHTTPsRequests: false });

  /** The same client, with its calls traced. */
  readonly capture = <Client>(client: Client): Client => this.#tracer.captureAWSv3Client(client);

  /** Run a step as a subsegment of its function's trace; its error is recorded there, and passes through. */
  async step<Result>(name: string, subject: Subject, task: () => Promise<Result>): Promise<Result> {
    const tracer = this.#tracer;
    const whole = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
    if (whole === undefined) return task();
    const part = whole.addNewSubsegment(`## ${name}`);
    tracer.setSegment(part);
    tracer.annotateColdStart();
    tracer.addServiceNameAnnotation();
    for (const [key, value] of Object.entries(subject)) tracer.putAnnotation(key, value);
    try {
      return await task();
    } catch (error) {
      tracer.addErrorAsMetadata(error as Error);
      throw error;
    } finally {
      part.close();
      tracer.setSegment(whole);
    }
  }
}
