import { binaryName } from './backend.mts';
import { type Rule } from './rules.mts';

// The first bytes of programs, and of pictures.
const ELF = [0x7f, 0x45, 0x4c, 0x46];
const MAGIC: Record<string, number[]> = {
  linux: ELF,
  darwin: [0xcf, 0xfa, 0xed, 0xfe],
  windows: [0x4d, 0x5a],
};
/** e_machine of an ELF file, at byte 18. */
const ELF_MACHINE: Record<string, number> = { amd64: 0x3e, arm64: 0xb7 };

function startsWith(content: Buffer, magic: number[]): boolean {
  return magic.every((byte, i) => content[i] === byte);
}

const text = (content: Buffer | undefined) => content?.toString('utf8') ?? '';

/** The version that a changelog begins with. */
export function newestOf(changelog: string): string | undefined {
  return /^## \[?v?(\d+\.\d+\.\d+[^\s\]]*)/m.exec(changelog)?.[1];
}

export const archiveRules: Record<string, Rule> = {
  archive: ({ files }) => [
    ...[...files.keys()]
      .filter((name) => name.startsWith('dist/'))
      .map((name) => `${name}: dist is what belongs at the top`),
    ...[...files.keys()]
      .filter((name) => name.includes('..') || name.includes('\\'))
      .map((name) => `${name}: a path that leads out`),
  ],
  archivename: ({ top, plugin }) => (top === plugin.id ? [] : [`the folder at the top is ${top}; want ${plugin.id}`]),
  backendbinary: ({ files, plugin, platforms }) =>
    platforms.flatMap((platform) => {
      const [os, arch] = platform.split('/');
      const name = binaryName(plugin.executable, platform);
      const content = files.get(name)?.content;
      if (!content) {
        return [`${name} is missing`];
      }
      const right =
        startsWith(content, MAGIC[os]) && (os !== 'linux' || content.readUInt16LE(18) === ELF_MACHINE[arch]);
      return right ? [] : [`${name} is no program for ${platform}`];
    }),
  backenddebug: ({ files }) =>
    [...files.keys()]
      .filter((name) => /(^|\/)(standalone|pid)\.txt$/.test(name))
      .map((name) => `${name} is left from debugging`),
  binarypermissions: ({ files, plugin }) =>
    [...files].flatMap(([name, { mode }]) => {
      const want = name.startsWith(plugin.executable) ? 0o755 : 0o644;
      return mode === want ? [] : [`${name} has mode ${mode.toString(8)}; want ${want.toString(8)}`];
    }),
  changelog: ({ files, plugin }) => {
    const newest = newestOf(text(files.get('CHANGELOG.md')?.content));
    return newest === plugin.info.version
      ? []
      : [`CHANGELOG.md begins with ${newest ?? 'no version'}; the plugin is ${plugin.info.version}`];
  },
  license: ({ files }) => {
    const licence = text(files.get('LICENSE')?.content);
    return [
      ...(/Apache License\s+Version 2\.0, January 2004/.test(licence) ? [] : ['LICENSE is not the Apache License 2.0']),
      ...(/\{yyyy\}|\{name of copyright owner\}/.test(licence) ? ['LICENSE has places that are not filled in'] : []),
    ];
  },
  modulejs: ({ files }) => (files.has('module.js') ? [] : ['module.js is missing']),
  jargon: ({ files }) =>
    ['yarn', 'nodejs']
      .filter((word) => text(files.get('README.md')?.content).includes(word))
      .map((word) => `README.md speaks of ${word}`),
  readme: ({ files }) => {
    const readme = text(files.get('README.md')?.content);
    return [
      ...(readme.trim().length < 500 ? ['README.md is missing, or says hardly anything'] : []),
      ...(/<!--/.test(readme) ? ['README.md has comments'] : []),
      ...(/%[A-Z_]+%|\b(TODO|TBD|FIXME|lorem ipsum)\b/i.test(readme)
        ? ['README.md has places that are not filled in']
        : []),
      ...[...readme.matchAll(/\]\((?!https:\/\/|#)([^)]*)\)/g)].map(
        (m) => `README.md links to ${m[1]}; want a whole https URL`
      ),
    ];
  },
  templatereadme: ({ files }) =>
    /Grafana (Panel|Data Source|Datasource|App|Data Source Backend) Plugin Template/i.test(
      text(files.get('README.md')?.content)
    )
      ? ['README.md is the template']
      : [],
  unsafesvg: ({ files }) =>
    [...files].flatMap(([name, { content }]) =>
      name.endsWith('.svg') &&
      /<(script|iframe|foreignObject|template|audio|math)|\son\w+\s*=|javascript:|<!ENTITY/i.test(text(content))
        ? [`${name} has what a picture does not need`]
        : []
    ),
  trackingscripts: ({ files }) =>
    [...files].flatMap(([name, { content }]) =>
      name.endsWith('.js')
        ? [
            ...text(content).matchAll(
              /https?:\/\/[^\s"'`]*(google-analytics|googletagmanager|doubleclick|hotjar|segment\.io|mixpanel|sentry\.io)[^\s"'`]*/g
            ),
          ].map((m) => `${name} names ${m[0]}`)
        : []
    ),
  legacyplatform: ({ files }) =>
    [...files].flatMap(([name, { content }]) =>
      name.endsWith('.js') &&
      /\b(PanelCtrl|MetricsPanelCtrl|QueryCtrl|ConfigCtrl)\b|app\/plugins\/sdk|angular\.module/.test(text(content))
        ? [`${name} uses Angular`]
        : []
    ),
  reactcompat: ({ files }) =>
    [...files].flatMap(([name, { content }]) =>
      name.endsWith('.js')
        ? [
            ...text(content).matchAll(
              /findDOMNode\(|unmountComponentAtNode\(|ReactDOM\.render\(|__SECRET_INTERNALS_DO_NOT_USE\w*/g
            ),
          ].map((m) => `${name} uses ${m[0]}, which React 19 does not have`)
        : []
    ),
  notices: ({ files }) =>
    text(files.get('THIRD-PARTY-NOTICES.txt')?.content).length > 1000 ? [] : ['THIRD-PARTY-NOTICES.txt is missing'],
};
