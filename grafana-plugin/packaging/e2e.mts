import { spawnSync } from 'node:child_process';
import path from 'node:path';

// Runs Playwright where a Grafana is; elsewhere it says that there is none, as a
// machine without one can find out nothing.
const url = process.env.GRAFANA_URL ?? 'http://127.0.0.1:3000';
const answers = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(5000) }).then(
  (r) => r.ok,
  () => false
);
if (!answers) {
  console.log(`skipped: no Grafana answers at ${url}; set GRAFANA_URL, and BELFRY_URL to where Grafana reaches Belfry`);
} else {
  const root = path.resolve(import.meta.dirname, '..');
  const args = ['playwright', 'test', ...process.argv.slice(2)];
  const { status } = spawnSync('npx', args, { cwd: root, stdio: 'inherit', env: { ...process.env, GRAFANA_URL: url } });
  process.exitCode = status ?? 1;
}
