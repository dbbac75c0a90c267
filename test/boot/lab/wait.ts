import { setTimeout as delay } from 'node:timers/promises';

/**
 * Calls `condition` again and again, `interval` seconds apart, until it gives something other than `undefined`; gives
 * that. Throws after `limit` seconds, naming `what` it waited for; an error from `condition` ends the wait at once.
 */
export const waitUntil = async <Result>(
  what: string,
  limit: number,
  condition: () => Promise<Result | undefined>,
  interval = 0.1,
): Promise<Result> => {
  const end = performance.now() + limit * 1000;
  while (true) {
    const result = await condition();
    if (result !== undefined) return result;
    if (performance.now() > end) throw new Error(`waited ${limit} s in vain for ${what}`);
    await delay(interval * 1000);
  }
};

/** What `promise` gives, if it settles within `limit` seconds; else throws, saying `what` happened instead. */
export const within = async <Result>(limit: number, what: string, promise: Promise<Result>): Promise<Result> => {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} within ${limit} s`)), limit * 1000);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
};
