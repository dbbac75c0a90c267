const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a signal does now: the innermost alone. */
const handlers: ((signal: NodeJS.Signals) => void)[] = [];

/** Runs `work`; a signal that ends a process meanwhile calls `handle` instead. Nested, the innermost handles it. */
export async function handlingSignals<Result>(
  handle: (signal: NodeJS.Signals) => void,
  work: () => Promise<Result> | Result,
): Promise<Result> {
  const isOutermost = handlers.push(handle) === 1;
  if (isOutermost) for (const signal of signals) process.on(signal, receive);
  try {
    return await work();
  } finally {
    handlers.pop();
    if (isOutermost) for (const signal of signals) process.off(signal, receive);
  }
}

/** Runs `work`; where a signal ends the process meanwhile, `cleanUp` runs first, and after it those of the calls around. */
export function cleaningUp<Result>(cleanUp: () => void, work: () => Promise<Result> | Result): Promise<Result> {
  const outer = handlers.at(-1) ?? end;
  return handlingSignals((signal) => {
    cleanUp();
    outer(signal);
  }, work);
}

function receive(signal: NodeJS.Signals): void {
  handlers.at(-1)?.(signal);
}

/** As if nobody had listened: whoever started this process sees which signal ended it. */
function end(signal: NodeJS.Signals): void {
  process.off(signal, receive);
  process.kill(process.pid, signal);
}
