import type { Architecture } from '../config/architecture.ts';
import { hasErrors } from '../diagnostic/diagnostic.ts';
import { type Format, formatDiagnostics, printable } from '../diagnostic/format.ts';
import { checkRecipe, foundTypes } from './check-recipe.ts';
import type { Output } from './output.ts';
import { summary } from './summary.ts';

/** Checks recipes and prints all that is wrong with them. Gives the exit code. */
export function validate(
  recipes: readonly string[],
  options: { architecture: Architecture; format: Format },
  output: Output,
): number {
  const checked = recipes.map((recipe) => ({ recipe, ...checkRecipe(recipe, options.architecture) }));
  const diagnostics = checked.flatMap((one) => one.diagnostics);
  if (options.format === 'text') {
    output.err(formatDiagnostics(diagnostics, 'text', output.errColors));
    for (const { recipe, diagnostics, configs, types } of checked) {
      if (hasErrors(diagnostics)) continue;
      const found = configs.map(({ config, stage }) => `${summary(config)}${stage ? ` (stage ${stage})` : ''}`);
      const text = found.length > 0 ? found.join('; ') : `no \`type: nix\` entry (${foundTypes(types)})`;
      output.out(`${printable(recipe)}: ${output.outColors.green('valid')}: ${printable(text)}\n`);
    }
    const count = diagnostics.filter(({ severity }) => severity === 'error').length;
    if (count > 0) output.err(`${count} ${count === 1 ? 'error' : 'errors'}\n`);
  } else {
    output.out(formatDiagnostics(diagnostics, options.format, output.outColors));
  }
  return hasErrors(diagnostics) ? 1 : 0;
}
