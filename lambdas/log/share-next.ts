/**
 * One task for many callers, each of whom needs a run that began after its call. Callers that arrive during a run share
 * the next one, which begins when the current one ends.
 */
export function shareNext<Result>(task: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<unknown> | undefined;
  let next: Promise<Result> | undefined;
  const begin = (): Promise<Result> => {
    next = undefined;
    const run = task();
    running = run;
    const done = () => {
      if (running === run) running = undefined;
    };
    run.then(done, done);
    return run;
  };
  return () => {
    if (running === undefined) return begin();
    // Begins after either outcome: a failure concerns only the callers of the run that failed.
    next ??= running.then(begin, begin);
    return next;
  };
}
