import fs from 'node:fs';
import path from 'node:path';
import { goModules, goRoot } from './backend.mts';
import { filesOf, readJson } from './sources.mts';

interface Notice {
  name: string;
  version: string;
  texts: Array<{ file: string; text: string }>;
}

const LICENSE_FILE = /^(licen[sc]e|copying|copyright|notice|patents|unlicense)([._-].*)?$/i;

/** What the licences of all that is in the plugin ask to be passed on. */
export function notices(root: string, dist: string, platforms: string[]): string {
  const all = [...ofBundle(root, dist), ...ofBackend(root, platforms)];
  const bare = all.filter((n) => n.texts.length === 0).map((n) => `${n.name} ${n.version}`);
  if (bare.length > 0) {
    throw new Error(`these have no licence to pass on; look what they are under: ${bare.join(', ')}`);
  }
  const parts = all.map(({ name, version, texts }) =>
    [`${'='.repeat(80)}\n${name} ${version}\n${'='.repeat(80)}`, ...texts.map((t) => t.text.trim())].join('\n\n')
  );
  return [
    'Belfry City Operations contains the following software of others, each under its own licence.',
    ...parts,
    '',
  ].join('\n\n');
}

/** The packages of which something is in the frontend, by its source maps. */
export function bundled(root: string, dist: string): string[] {
  const folders = new Set<string>();
  for (const file of filesOf(dist).filter((name) => name.endsWith('.js.map'))) {
    const { sources } = readJson<{ sources: string[] }>(path.join(dist, file));
    for (const source of sources) {
      const at = source.indexOf('/node_modules/');
      const match = /^(.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source.slice(at + 1));
      if (at >= 0 && match) {
        folders.add(path.join(root, match[1] ?? '', 'node_modules', match[2]));
      }
    }
  }
  return [...folders].filter((folder) => fs.existsSync(path.join(folder, 'package.json'))).sort();
}

function ofBundle(root: string, dist: string): Notice[] {
  return bundled(root, dist).map((folder) => {
    const { name, version, license } = readJson<{ name: string; version: string; license?: string }>(
      path.join(folder, 'package.json')
    );
    const texts = licenceTexts(folder);
    // Some packages say their licence in package.json only.
    if (texts.length === 0 && license === 'Apache-2.0') {
      texts.push({
        file: 'package.json',
        text: 'Licensed under the Apache License, Version 2.0; its text is in the file LICENSE of this plugin.',
      });
    } else if (texts.length === 0 && license) {
      texts.push({ file: 'package.json', text: `Licensed under: ${license}` });
    }
    return { name, version, texts };
  });
}

function ofBackend(root: string, platforms: string[]): Notice[] {
  const { dir, version } = goRoot(root);
  const std: Notice = { name: 'The Go standard library', version, texts: licenceTexts(dir) };
  return [
    std,
    ...goModules(root, platforms).map((m) => ({ name: m.path, version: m.version, texts: licenceTexts(m.dir) })),
  ];
}

function licenceTexts(folder: string): Notice['texts'] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENSE_FILE.test(entry.name))
    .map((entry) => ({ file: entry.name, text: fs.readFileSync(path.join(folder, entry.name), 'utf8') }));
}
