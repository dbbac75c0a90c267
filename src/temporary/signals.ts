const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a signal does now: the innermost alone. */
const handlers: ((signal: NodeJS.Signals) => void)[] = [];

/** Runs `work`; a signal that would end the process calls `handle` instead. In nested calls, the innermost handles it. */
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

/** Runs `work`; if a signal ends the process, `cleanUp` runs first, then those of the outer calls. */
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

/** Ends the process by the signal itself, so that its parent sees which one it was. */
function end(signal: NodeJS.Signals): void {
  process.off(signal, receive);
  process.kill(process.pid, signal);
}
