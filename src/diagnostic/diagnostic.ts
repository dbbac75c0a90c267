/** Where something is in a file. Lines and columns count from 1, as editors and compilers count them. */
export type Place = {
  file: string;
  line: number;
  column: number;
  endLine: number;
  /** The column after the last character. */
  endColumn: number;
  /** The text of the first line. */
  lineText: string;
};

/** Something to tell the person who wrote a recipe. */
export type Diagnostic = {
  severity: 'error' | 'warning';
  /** What is wrong, in one sentence. */
  message: string;
  /** What to do, or what is allowed. */
  help?: string;
  place?: Place;
  /** What it is about, each on a line of its own: a url, the expected and the actual digest. */
  facts?: readonly (readonly [label: string, text: string])[];
  /** Other places that belong to it. */
  related?: { message: string; place: Place }[];
};

/** An error diagnostic; leaves out what is not known. */
export function error(message: string, place?: Place, help?: string): Diagnostic {
  return { severity: 'error', message, ...(help !== undefined && { help }), ...(place && { place }) };
}

/** Whether any of them is an error. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}
