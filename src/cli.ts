#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Source } from './commands/configuration.ts';
import { findModule } from './commands/module.ts';
import { processOutput } from './commands/output.ts';
import { type Architecture, architectureOf, architectures } from './config/architecture.ts';
import { type Format, formats } from './diagnostic/format.ts';

// The commands are imported when they are run: each loads only what it needs.
const usageError = 2;
const module = findModule(import.meta.dirname);
const output = processOutput();

const program = new Command('bluebuild-nix')
  .description('Bakes Nix into Fedora Atomic, Bazzite, Bluefin and Aurora images.')
  .version(module.version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand(false)
  .showHelpAfterError('(bluebuild-nix --help tells how)')
  .exitOverride();

const architectureOption = () =>
  new Option('--arch <name>', `the architecture of the image: ${architectures.join(', ')}`)
    .env('OS_ARCH')
    .default(architectureOf(process.arch), 'this machine')
    .argParser(parseArchitecture);
const configOption = () => new Option('--config <json>', 'the entry itself as JSON, as BlueBuild passes it');

program
  .command('validate')
  .description('check recipes, and say all that is wrong with them')
  .argument('<recipe...>', 'recipe files; `from-file` and stages are followed')
  .addOption(architectureOption())
  .addOption(
    new Option('--format <format>', 'text; github for annotations in a workflow; json for programs')
      .choices(formats)
      .default('text'),
  )
  .action(async (recipes: string[], options: { arch: Architecture; format: Format }) => {
    const { validate } = await import('./commands/validate.ts');
    process.exitCode = validate(recipes, { architecture: options.arch, format: options.format }, output);
  });

program
  .command('plan')
  .description('show what would be baked, without touching anything')
  .argument('[recipe]', 'the recipe file')
  .addOption(configOption())
  .addOption(architectureOption())
  .option('--json', 'every entry with its mode, size and digest, as JSON')
  .option('--show <path>', 'the content of one file of the plan')
  .action(
    async (
      recipe: string | undefined,
      options: { config?: string; arch: Architecture; json?: true; show?: string },
    ) => {
      const { plan } = await import('./commands/plan.ts');
      const { arch: architecture, json = false, show } = options;
      process.exitCode = plan(sourceOf(recipe, options.config), { architecture, json, show }, module, output);
    },
  );

program
  .command('bake')
  .description('bake it into a root filesystem, and show what was baked')
  .argument('[recipe]', 'the recipe file')
  .requiredOption('--root <directory>', 'the root of the image; made if only its last part is missing')
  .addOption(configOption())
  .addOption(architectureOption())
  .option('--cache <directory>', 'where downloads are kept (default: ~/.cache/bluebuild-nix)')
  .action(
    async (
      recipe: string | undefined,
      options: { root: string; config?: string; arch: Architecture; cache?: string },
    ) => {
      const { bake } = await import('./commands/bake.ts');
      const { root, arch: architecture, cache } = options;
      const bakeOptions = { architecture, root, cache, environment: process.env };
      process.exitCode = await bake(sourceOf(recipe, options.config), bakeOptions, module, output);
    },
  );

program.addHelpText(
  'after',
  `
Examples:
  bluebuild-nix validate recipes/recipe.yml
  bluebuild-nix plan recipes/recipe.yml --show /usr/lib/systemd/system/nix.mount
  bluebuild-nix bake --root rootfs recipes/recipe.yml

Exit codes: 0 done, 1 what it was given is wrong or the work failed, 2 usage.`,
);

function parseArchitecture(name: string): Architecture {
  const architecture = architectureOf(name);
  if (!architecture) throw new InvalidArgumentError(`Allowed: ${architectures.join(', ')}.`);
  return architecture;
}

function sourceOf(recipe: string | undefined, json: string | undefined): Source {
  if (recipe !== undefined && json === undefined) return { recipe };
  if (json !== undefined && recipe === undefined) return { json };
  return program.error('error: name one recipe, or give --config');
}

// No await here: the bundle is CommonJS, which Node starts in half the time.
void program.parseAsync().catch((cause: unknown) => {
  if (cause instanceof CommanderError) {
    process.exitCode = cause.exitCode === 0 ? 0 : usageError;
  } else {
    output.err(`${output.errColors.red('error:')} ${cause instanceof Error ? cause.message : cause}\n`);
    process.exitCode = 1;
  }
});
