import { explainSystemError } from '../diagnostic/system-error.ts';
import { UserError } from '../diagnostic/user-error.ts';
import { cleaningUp } from './signals.ts';

/** Changes of a disk that are all made, or none: how each is undone, and what is left to do once all are made. */
export type Transaction = {
  onUndo: (step: () => void) => void;
  onEnd: (step: () => void) => void;
};

/**
 * Runs `work`; if it fails, or a signal ends the process, undoes what it did. `where` is what was changed, for messages. A
 * failed system call becomes a `UserError`.
 */
export async function transact<Result>(
  where: string,
  work: (transaction: Transaction) => Promise<Result> | Result,
): Promise<Result> {
  const undoing: (() => void)[] = [];
  const ending: (() => void)[] = [];
  // Undoes all it can, and gives why the rest could not be undone.
  const undo = () =>
    undoing
      .splice(0)
      .toReversed()
      .flatMap((step) => {
        try {
          step();
          return [];
        } catch (cause) {
          return [cause instanceof Error ? cause.message : String(cause)];
        }
      });
  const transaction = {
    onUndo: (step: () => void) => void undoing.push(step),
    onEnd: (step: () => void) => void ending.push(step),
  };
  return cleaningUp(undo, async () => {
    try {
      const result = await work(transaction);
      for (const step of ending) step();
      return result;
    } catch (cause) {
      const notUndone = undo();
      if (notUndone.length === 0) throw explainSystemError(cause, where, `${where} is unchanged`);
      const state = `${notUndone.length} changes could not be undone (${notUndone[0]})`;
      const explained = explainSystemError(cause, where, state);
      if (explained !== cause) throw explained;
      throw new UserError(`${cause instanceof Error ? cause.message : cause}; ${state}`, undefined, { cause });
    }
  });
}
