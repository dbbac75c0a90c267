import { UserError } from '../diagnostic/user-error.ts';

/**
 * SOURCE_DATE_EPOCH in seconds (reproducible-builds.org/specs/source-date-epoch), undefined where it is not set. Throws
 * a `UserError` for anything else, and for a date of the year 5138 or later, which is none: file systems end sooner.
 */
export function sourceDate(environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH'];
  if (text === undefined) return undefined;
  if (/^[0-9]{1,11}$/.test(text)) return Number(text);
  throw new UserError('SOURCE_DATE_EPOCH is not a number of seconds', 'unset it, or give seconds since 1970');
}
