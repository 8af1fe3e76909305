import fs from 'node:fs';
import path from 'node:path';
import { type Archive, type Rule } from './rules.mts';
import { goFiles, goManifest, readJson } from './sources.mts';

function read(root: string, name: string): string {
  const file = path.join(root, name);
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

interface SourceMap {
  sources: string[];
  sourcesContent?: string[];
}

/** Whether a map has the sources as they are: all of src that it names. */
function mapComplaints({ root, plugin }: Archive, name: string, content: Buffer): string[] {
  const map: SourceMap = JSON.parse(content.toString());
  return map.sources.flatMap((source, i) => {
    const own = source.startsWith(`webpack://${plugin.id}/./`)
      ? source.slice(`webpack://${plugin.id}/./`.length)
      : undefined;
    if (own === undefined || !/\.tsx?$/.test(own)) {
      return [];
    }
    return read(path.join(root, 'src'), own) === map.sourcesContent?.[i]
      ? []
      : [`${name}: ${own} is not as it is in src`];
  });
}

// Grafana's rules keep backends away from the machine that they run on.
const FORBIDDEN =
  /\b(os|syscall)\.(Environ|Clearenv|ExpandEnv|Getenv|LookupEnv|Setenv|Unsetenv|DirFS|Getwd|Mkdir\w*|ReadFile|ReadDir|Open\w*|Create\w*|Remove\w*|Rename|WriteFile|NewFile)\(|"(os\/exec|syscall|unsafe|plugin)"/g;

export const sourceRules: Record<string, Rule> = {
  buildtools: ({ root }) => [
    ...(read(root, '.config/webpack/webpack.config.ts').includes('@grafana/create-plugin')
      ? []
      : ['.config/webpack/webpack.config.ts is not that of create-plugin']),
    ...(read(root, 'Magefile.go').includes('grafana-plugin-sdk-go/build')
      ? []
      : ['Magefile.go does not use the build of the plugin SDK']),
  ],
  'code-rules': ({ root }) =>
    goFiles(root)
      .filter((name) => name.startsWith('pkg/') && !name.endsWith('_test.go'))
      .flatMap((name) => [...read(root, name).matchAll(FORBIDDEN)].map((m) => `${name} uses ${m[0]}`)),
  'go-manifest': ({ root, files }) =>
    files.get('go_plugin_build_manifest')?.content.toString() === goManifest(root)
      ? []
      : ['go_plugin_build_manifest is not that of these sources'],
  jsMap: (archive) =>
    [...archive.files.keys()]
      .filter((name) => name.endsWith('.js'))
      .flatMap((name) => {
        const map = archive.files.get(`${name}.map`);
        return map ? mapComplaints(archive, `${name}.map`, map.content) : [`${name}.map is missing`];
      }),
  legacybuilder: ({ root }) =>
    Object.entries(readJson<{ scripts: Record<string, string> }>(path.join(root, 'package.json')).scripts)
      .filter(([, command]) => command.includes('grafana-toolkit '))
      .map(([name]) => `package.json: ${name} uses grafana-toolkit`),
  packagejson: ({ root, plugin }) => {
    const { version } = readJson<{ version: string }>(path.join(root, 'package.json'));
    return version === plugin.info.version
      ? []
      : [`package.json is of ${version}; the plugin is ${plugin.info.version}`];
  },
  sdkusage: ({ root }) =>
    /github\.com\/grafana\/grafana-plugin-sdk-go v0\.\d+\.\d+/.test(read(root, 'go.mod'))
      ? []
      : ['go.mod does not require the plugin SDK'],
};
