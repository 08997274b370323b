/**
 * One task for many callers, each of whom needs a run that began after its call: whoever comes while one is under way
 * waits for the next one, which begins when that ends, and is shared by all who came by then.
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
    // Not before all that follows the run itself: a failure is that run's alone.
    next ??= running.then(begin, begin);
    return next;
  };
}
