import { type Diagnostic, error } from './diagnostic.ts';

/** What a person can correct: each diagnostic says what is wrong and what to do. Nothing is half written when it is thrown. */
export class UserError extends Error {
  override name = 'UserError';
  readonly diagnostics: readonly Diagnostic[];
  /** One sentence with what to do, or all that is wrong with a recipe. */
  constructor(problem: string | readonly Diagnostic[], help?: string, options?: { cause?: unknown }) {
    const diagnostics = typeof problem === 'string' ? [error(problem, undefined, help)] : problem;
    super(diagnostics.map(({ message }) => message).join('\n'), options);
    this.diagnostics = diagnostics;
  }
  get help(): string | undefined {
    return this.diagnostics[0]?.help;
  }
}
