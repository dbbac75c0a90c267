import type { Colors } from './colors.ts';
import type { Diagnostic, Place } from './diagnostic.ts';

/** How diagnostics can be printed. */
export const formats = ['text', 'github', 'json'] as const;
export type Format = (typeof formats)[number];

/**
 * The diagnostics as text in the asked format, ending in a newline (or empty, for none in `text` and `github`).
 * `colors` is used by `text` alone.
 */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], format: Format, colors: Colors): string {
  if (format === 'json') return `${JSON.stringify({ diagnostics }, null, 2).replace(dangerous, unicodeEscape)}\n`;
  const one = format === 'github' ? githubAnnotation : (diagnostic: Diagnostic) => text(diagnostic, colors);
  return diagnostics.map(one).join('');
}

// The look of rustc: the message first, then the place, the line with the value underlined, then what to do.
function text(diagnostic: Diagnostic, colors: Colors): string {
  const color = diagnostic.severity === 'error' ? colors.red : colors.yellow;
  const lines = [`${colors.bold(color(`${diagnostic.severity}:`))} ${colors.bold(printable(diagnostic.message))}`];
  const places = [
    ...(diagnostic.place ? [{ message: '', place: diagnostic.place }] : []),
    ...(diagnostic.related ?? []),
  ];
  const width = Math.max(1, ...places.map(({ place }) => String(place.line).length));
  const gutter = colors.blue(`${' '.repeat(width)} |`);
  for (const { message, place } of places) {
    lines.push(`${' '.repeat(width)}${colors.blue('-->')} ${printable(place.file)}:${place.line}:${place.column}`);
    lines.push(gutter);
    const { line, underline } = excerpt(place);
    lines.push(`${colors.blue(`${String(place.line).padStart(width)} |`)} ${line}`);
    lines.push(`${gutter} ${color(underline)}${message && ` ${color(printable(message))}`}`);
  }
  const { facts = [] } = diagnostic;
  const labelWidth = Math.max(0, ...facts.map(([label]) => label.length + 1));
  for (const [label, text] of facts) {
    lines.push(`${' '.repeat(width)} ${colors.blue('-')} ${`${label}:`.padEnd(labelWidth)} ${printable(text)}`);
  }
  if (diagnostic.help) lines.push(`${' '.repeat(width)} ${colors.blue('=')} ${printable(diagnostic.help)}`);
  return `${lines.join('\n')}\n\n`;
}

const widestExcerpt = 160;

/** The line as it can be printed, cut around the place where it is too long, and the underline for it. */
function excerpt(place: Place): { line: string; underline: string } {
  const from = place.column > widestExcerpt / 2 ? place.column - widestExcerpt / 2 : 0;
  const line = place.lineText.slice(from, from + widestExcerpt);
  const end = place.endLine === place.line ? place.endColumn : place.lineText.length + 1;
  const start = place.column - 1 - from;
  const length = Math.max(1, Math.min(end - place.column, line.length - start));
  const pad = line.slice(0, Math.max(0, start)).replace(/[^\t]/g, ' ');
  return { line: printable(line), underline: `${pad}${'^'.repeat(length)}` };
}

/** Text from outside (a recipe, a server, an image) with what a terminal or a CI log would take for a command replaced. */
export function printable(text: string): string {
  return text.replace(dangerous, '\ufffd');
}

/** What a program of an image printed, each line after its name: none can be a command to a terminal or a CI log. */
export function outputOf(program: string, text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `${program}: ${printable(line)}\n`)
    .join('');
}

// Controls but the tab, line ends, and what turns the direction of writing (https://trojansource.codes).
const dangerous = /[\0-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function unicodeEscape(character: string): string {
  // JSON.stringify has escaped what is below the space; its own line breaks stay.
  return character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

// https://docs.github.com/actions/reference/workflow-commands-for-github-actions: % CR LF are escaped, in properties : , too.
function githubAnnotation(diagnostic: Diagnostic): string {
  const { place } = diagnostic;
  const properties = place
    ? [
        `file=${githubProperty(printable(place.file))}`,
        `line=${place.line}`,
        `endLine=${place.endLine}`,
        `col=${place.column}`,
        ...(place.endLine === place.line ? [`endColumn=${place.endColumn}`] : []),
      ]
    : [];
  const related = (diagnostic.related ?? []).map(
    ({ message, place: { file, line, column } }) => `${message} at ${file}:${line}:${column}`,
  );
  const facts = (diagnostic.facts ?? []).map(([label, text]) => `${label}: ${text}`);
  const message = [diagnostic.message, ...facts, ...related, ...(diagnostic.help ? [diagnostic.help] : [])]
    .map(printable)
    .join('\n');
  return `::${[diagnostic.severity, properties.join(',')].join(' ').trim()}::${githubData(message)}\n`;
}

function githubData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function githubProperty(text: string): string {
  return githubData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
