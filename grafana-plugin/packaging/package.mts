import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readArchive, writeArchive } from './archive.mts';
import { buildBackend, PLATFORMS } from './backend.mts';
import { notices } from './notices.mts';
import { check } from './rules.mts';
import { readJson, type Plugin } from './sources.mts';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { platforms: { type: 'string', default: PLATFORMS.join(',') } } });
const platforms = values.platforms.split(',').filter((p) => p !== '');
const dist = path.join(root, 'dist');

// webpack keeps the binaries of older builds, which would be packed again.
fs.rmSync(dist, { recursive: true, force: true });
execFileSync('npm', ['run', '--silent', 'build', '--', '--stats', 'errors-only', '--no-performance'], {
  cwd: root,
  stdio: 'inherit',
});
const plugin = readJson<Plugin>(path.join(dist, 'plugin.json'));
console.log(`backend for ${platforms.join(', ')}`);
buildBackend(root, dist, plugin, platforms);
fs.writeFileSync(path.join(dist, 'THIRD-PARTY-NOTICES.txt'), notices(root, dist, platforms));

const archive = path.join(root, 'artifacts', `${plugin.id}-${plugin.info.version}.zip`);
const isProgram = (name: string) => name.startsWith(plugin.executable);
await writeArchive(dist, plugin.id, archive, isProgram, new Date(`${plugin.info.updated}T00:00:00Z`));

const complaints = check({ root, entries: await readArchive(archive), platforms });
for (const { rule, text } of complaints) {
  console.error(`${rule}: ${text}`);
}
console.log(
  `${path.relative(root, archive)}: ${(fs.statSync(archive).size / 1e6).toFixed(1)} MB, ${complaints.length} complaints`
);
process.exitCode = complaints.length > 0 ? 1 : 0;
