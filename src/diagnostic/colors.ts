import { styleText } from 'node:util';

const styles = ['bold', 'dim', 'red', 'green', 'yellow', 'blue', 'cyan'] as const;

/** How a terminal is told to show a text. */
export type Colors = Record<(typeof styles)[number], (text: string) => string>;

/** The colours, or none of them. */
export function colorsWhere(wanted: boolean): Colors {
  const shown = (style: keyof Colors) => (text: string) =>
    wanted ? styleText(style, text, { validateStream: false }) : text;
  return Object.fromEntries(styles.map((style) => [style, shown(style)])) as Colors;
}
