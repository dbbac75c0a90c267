import { scenario } from '../lab/scenario.ts';
import { beforeInstallation, cutAndRecover } from '../interrupted-installation.ts';
import { providers } from '../providers.ts';

for (const [name, provider] of Object.entries(providers)) {
  const moments = Object.entries(provider.moments);
  scenario(
    `${name}: the power is cut at ${moments.length} moments of the installation: the next boot repairs each`,
    async (lab) => {
      const { machine, state } = await beforeInstallation(lab, provider);
      for (const [moment, condition] of moments) {
        await cutAndRecover(machine, state, condition).catch((error: unknown) => {
          throw new Error(`after a power cut ${moment}: ${error instanceof Error ? error.message : error}`, {
            cause: error,
          });
        });
      }
    },
    3600,
  );
}
