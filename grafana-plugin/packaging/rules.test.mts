import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readArchive, writeArchive, type Entry } from './archive.mts';
import { check, RULES } from './rules.mts';
import { goManifest, readJson, type Plugin } from './sources.mts';

const ID = 'belfry-cityops-datasource';
const repo = path.resolve(import.meta.dirname, '..');
let root: string;

// A plugin of a few files in place of a built one; plugin.json, README and licence are the real ones.
before(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'belfry-plugin-'));
  const write = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  };
  write('package.json', JSON.stringify({ version: '1.2.3', scripts: { build: 'webpack' } }));
  write('go.mod', 'require github.com/grafana/grafana-plugin-sdk-go v0.298.0\n');
  write('Magefile.go', fs.readFileSync(path.join(repo, 'Magefile.go'), 'utf8'));
  write('.config/webpack/webpack.config.ts', '// made by @grafana/create-plugin');
  write('pkg/main.go', 'package main\n\nfunc main() { os.Exit(plugin.Serve()) }\n');
  write('src/module.ts', 'export const plugin = 1;\n');
});
after(() => fs.rmSync(root, { recursive: true }));

function elf(machine: number): Buffer {
  const content = Buffer.alloc(64);
  content.write('\x7fELF', 'latin1');
  content.writeUInt16LE(machine, 18);
  return content;
}

function good(): { plugin: Plugin; entries: Map<string, Entry> } {
  const plugin = readJson<Plugin>(path.join(repo, 'src/plugin.json'));
  plugin.info = {
    ...plugin.info,
    version: '1.2.3',
    updated: '2026-01-02',
    screenshots: [{ name: 'The wall', path: 'img/wall.png' }],
  };
  const map = { sources: [`webpack://${ID}/./module.ts`], sourcesContent: ['export const plugin = 1;\n'] };
  const contents: Record<string, Buffer | string> = {
    'README.md': fs.readFileSync(path.join(repo, 'src/README.md')),
    LICENSE: fs.readFileSync(path.join(repo, 'LICENSE')),
    'CHANGELOG.md': '# Changelog\n\n## 1.2.3\n\nFirst.\n',
    'THIRD-PARTY-NOTICES.txt': 'licence '.repeat(200),
    'module.js': 'define([], function () {})',
    'module.js.map': JSON.stringify(map),
    go_plugin_build_manifest: goManifest(root),
    'img/logo-small.svg': fs.readFileSync(path.join(repo, 'src/img/logo-small.svg')),
    'img/logo-large.svg': fs.readFileSync(path.join(repo, 'src/img/logo-large.svg')),
    'img/wall.png': Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    'locales/en-US/belfry-cityops-datasource.json': '{}',
    'locales/zh-Hans/belfry-cityops-datasource.json': '{}',
  };
  const entries = new Map<string, Entry>();
  for (const [name, content] of Object.entries(contents)) {
    entries.set(name, { name, mode: 0o644, content: Buffer.from(content) });
  }
  const program = 'gpx_belfry_cityops_linux_amd64';
  entries.set(program, { name: program, mode: 0o755, content: elf(0x3e) });
  return { plugin, entries };
}

function complaintsOf({ plugin, entries }: ReturnType<typeof good>, top = ID) {
  entries.set('plugin.json', { name: 'plugin.json', mode: 0o644, content: Buffer.from(JSON.stringify(plugin)) });
  const under = [...entries.values()].map((e) => ({ ...e, name: `${top}/${e.name}` }));
  return check({ root, entries: under, platforms: ['linux/amd64'] });
}

test('a plugin that keeps all rules has no complaints', () => {
  assert.deepEqual(complaintsOf(good()), []);
});

type Break = (archive: ReturnType<typeof good>) => void;

const replace =
  (name: string, content: string | Buffer): Break =>
  ({ entries }) => {
    entries.set(name, { name, mode: 0o644, content: Buffer.from(content) });
  };
const remove =
  (name: string): Break =>
  ({ entries }) => {
    entries.delete(name);
  };
const say =
  (change: (plugin: Plugin) => void): Break =>
  ({ plugin }) =>
    change(plugin);

const breaks: Record<string, Break[]> = {
  archive: [replace('dist/module.js', '')],
  archivename: [],
  backendbinary: [
    remove('gpx_belfry_cityops_linux_amd64'),
    ({ entries }) => {
      entries.get('gpx_belfry_cityops_linux_amd64')!.content = elf(0xb7);
    },
  ],
  backenddebug: [replace('standalone.txt', '')],
  binarypermissions: [
    ({ entries }) => {
      entries.get('gpx_belfry_cityops_linux_amd64')!.mode = 0o644;
    },
    ({ entries }) => {
      entries.get('module.js')!.mode = 0o755;
    },
  ],
  changelog: [remove('CHANGELOG.md'), replace('CHANGELOG.md', '# Changelog\n\n## 1.2.2\n')],
  license: [
    replace('LICENSE', 'All rights reserved'),
    replace('LICENSE', 'Apache License\nVersion 2.0, January 2004 {yyyy}'),
  ],
  modulejs: [remove('module.js')],
  jargon: [replace('README.md', 'yarn '.repeat(200))],
  readme: [
    remove('README.md'),
    replace('README.md', `${'words '.repeat(200)}%VERSION%`),
    replace('README.md', `${'words '.repeat(200)}<!-- hidden -->`),
    replace('README.md', `${'words '.repeat(200)}[more](docs/more.md)`),
  ],
  templatereadme: [replace('README.md', `${'words '.repeat(200)}Grafana Data Source Plugin Template`)],
  unsafesvg: [
    replace('img/logo-small.svg', '<svg><script/></svg>'),
    replace('img/logo-small.svg', '<svg onload="x()"/>'),
  ],
  trackingscripts: [replace('module.js', 'fetch("https://www.google-analytics.com/collect")')],
  legacyplatform: [replace('module.js', 'import { QueryCtrl } from "app/plugins/sdk"')],
  reactcompat: [replace('module.js', 'x.findDOMNode(y)')],
  notices: [remove('THIRD-PARTY-NOTICES.txt')],
  metadatavalid: [
    say((p) => (p.colour = 'red')),
    say((p) => (p.category = 'city')),
    say((p) => (p.info.updated = '%TODAY%')),
    say((p) => (p.backend = false)),
    say((p) => (p.executable = '')),
  ],
  discoverability: [say((p) => (p.info.description = '')), say((p) => (p.info.keywords = []))],
  grafanadependency: [say((p) => (p.dependencies.grafanaDependency = '12.3.x'))],
  logos: [say((p) => (p.info.logos.small = ''))],
  metadatapaths: [
    say((p) => (p.info.logos.small = './img/logo-small.svg')),
    say((p) => (p.info.logos.small = 'img/none.svg')),
  ],
  screenshots: [say((p) => (p.info.screenshots = [])), replace('img/wall.png', 'no picture')],
  nestedmetadata: [replace('panel/plugin.json', '{}')],
  pluginname: [say((p) => (p.name = ID))],
  typesuffix: [say((p) => (p.id = 'belfry-cityops-app'))],
  links: [say((p) => (p.info.links = [{ name: 'docs', url: 'http://example.org' }]))],
  languages: [say((p) => (p.languages = ['en-US', 'de-DE']))],
  buildtools: [],
  'code-rules': [],
  'go-manifest': [replace('go_plugin_build_manifest', '')],
  jsMap: [
    remove('module.js.map'),
    replace('module.js.map', JSON.stringify({ sources: [`webpack://${ID}/./module.ts`], sourcesContent: ['other'] })),
  ],
  legacybuilder: [],
  packagejson: [say((p) => (p.info.version = '1.2.4'))],
  sdkusage: [],
};

for (const [rule, ways] of Object.entries(breaks)) {
  for (const [i, breakIt] of ways.entries()) {
    test(`${rule} is complained of (${i + 1})`, () => {
      const archive = good();
      breakIt(archive);
      const rules = complaintsOf(archive).map((c) => c.rule);
      assert.ok(rules.includes(rule), `complaints: ${rules.join(', ') || 'none'}`);
    });
  }
}

test('every rule has a way to break it', () => {
  assert.deepEqual(Object.keys(breaks).sort(), Object.keys(RULES).sort());
});

test('the folder at the top is named as the plugin, and is the only one', () => {
  assert.deepEqual(
    complaintsOf(good(), 'dist').map((c) => c.rule),
    ['archivename']
  );
  assert.deepEqual(
    check({ root, platforms: [], entries: [{ name: 'plugin.json', mode: 0o644, content: Buffer.from('{}') }] }).map(
      (c) => c.rule
    ),
    ['archive']
  );
});

const sourceBreaks: Array<[rule: string, file: string, text: string]> = [
  ['buildtools', 'Magefile.go', 'package main\n'],
  ['buildtools', '.config/webpack/webpack.config.ts', ''],
  ['code-rules', 'pkg/main.go', 'package main\n\nvar home = os.Getenv("HOME")\n'],
  ['legacybuilder', 'package.json', '{"version":"1.2.3","scripts":{"build":"grafana-toolkit plugin:build"}}'],
  ['sdkusage', 'go.mod', 'module x\n'],
];
for (const [rule, file, text] of sourceBreaks) {
  test(`${rule} is complained of in ${file}`, () => {
    const was = fs.readFileSync(path.join(root, file));
    fs.writeFileSync(path.join(root, file), text);
    try {
      assert.ok(complaintsOf(good()).some((c) => c.rule === rule));
    } finally {
      fs.writeFileSync(path.join(root, file), was);
    }
  });
}

test('what is packed is unpacked the same, and programs stay programs', async () => {
  const dist = path.join(root, 'packed');
  fs.mkdirSync(path.join(dist, 'img'), { recursive: true });
  fs.writeFileSync(path.join(dist, 'gpx_x_linux_amd64'), 'program');
  fs.writeFileSync(path.join(dist, 'img', '图.svg'), '<svg/>');
  const file = path.join(root, 'x.zip');
  await writeArchive(dist, 'x', file, (name) => name.startsWith('gpx_'), new Date('2026-01-02T00:00:00Z'));
  const entries = (await readArchive(file)).map((e) => [e.name, e.mode.toString(8), e.content.toString()]);
  assert.deepEqual(entries, [
    ['x/gpx_x_linux_amd64', '755', 'program'],
    ['x/img/图.svg', '644', '<svg/>'],
  ]);
});
