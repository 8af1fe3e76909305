import { type Rule } from './rules.mts';

// What Grafana's schema of plugin.json lets a data source have that this one may need.
const KEYS = [
  '$schema',
  'alerting',
  'annotations',
  'backend',
  'buildMode',
  'category',
  'dependencies',
  'executable',
  'id',
  'includes',
  'info',
  'languages',
  'logs',
  'metrics',
  'multiValueFilterOperators',
  'name',
  'queryOptions',
  'streaming',
  'tracing',
  'type',
];
const INFO_KEYS = ['author', 'build', 'description', 'keywords', 'links', 'logos', 'screenshots', 'updated', 'version'];
const CATEGORIES = ['tsdb', 'logging', 'cloud', 'tracing', 'profiling', 'sql', 'enterprise', 'iot', 'other'];

const PICTURES: Array<[RegExp, (content: Buffer) => boolean]> = [
  [/\.png$/, (c) => c.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n'],
  [/\.jpe?g$/, (c) => c[0] === 0xff && c[1] === 0xd8],
  [/\.svg$/, (c) => c.subarray(0, 512).toString().includes('<svg')],
];

function unknown(of: object, known: string[], where: string): string[] {
  return Object.keys(of)
    .filter((key) => !known.includes(key))
    .map((key) => `plugin.json: ${where}${key} is not in the schema`);
}

export const metadataRules: Record<string, Rule> = {
  metadatavalid: ({ plugin }) => [
    ...unknown(plugin, KEYS, ''),
    ...unknown(plugin.info, INFO_KEYS, 'info.'),
    ...(/^[0-9a-z]+-([0-9a-z]+-)?(app|panel|datasource)$/.test(plugin.id) ? [] : [`plugin.json: id ${plugin.id}`]),
    ...(plugin.type === 'datasource' ? [] : [`plugin.json: type ${plugin.type}`]),
    ...(CATEGORIES.includes(String(plugin.category)) ? [] : [`plugin.json: category ${String(plugin.category)}`]),
    ...(/^\d+\.\d+\.\d+$/.test(plugin.info.version) ? [] : [`plugin.json: info.version ${plugin.info.version}`]),
    ...(/^\d{4}-\d{2}-\d{2}$/.test(plugin.info.updated) ? [] : [`plugin.json: info.updated ${plugin.info.updated}`]),
    ...(plugin.alerting && !plugin.backend ? ['plugin.json: alerting wants backend'] : []),
    ...(plugin.executable ? [] : ['plugin.json: a backend wants executable']),
  ],
  discoverability: ({ plugin }) => [
    ...(plugin.info.description ? [] : ['plugin.json: info.description is empty']),
    ...(plugin.info.keywords.length > 0 ? [] : ['plugin.json: info.keywords is empty']),
  ],
  grafanadependency: ({ plugin: { dependencies } }) =>
    /^>=\d+\.\d+\.\d+$/.test(dependencies.grafanaDependency)
      ? []
      : [`plugin.json: grafanaDependency ${dependencies.grafanaDependency}`],
  logos: ({ plugin: { info } }) =>
    [info.logos.small, info.logos.large]
      .filter((logo) => !logo.endsWith('.svg'))
      .map((logo) => `plugin.json: the logo ${logo} is no SVG`),
  metadatapaths: ({ plugin: { info }, files }) =>
    [info.logos.small, info.logos.large, ...info.screenshots.map((s) => s.path)].flatMap((path) => {
      if (/^[a-z]+:|^[./]/i.test(path)) {
        return [`plugin.json: ${path}: want a path from plugin.json on, without . or / in front`];
      }
      return files.has(path) ? [] : [`plugin.json: ${path} is not in the archive`];
    }),
  screenshots: ({ plugin: { info }, files }) => [
    ...(info.screenshots.length > 0 ? [] : ['plugin.json: there are no screenshots']),
    ...info.screenshots.flatMap(({ name, path }) => {
      const content = files.get(path)?.content;
      const is = PICTURES.find(([pattern]) => pattern.test(path))?.[1];
      return name.trim() !== '' && content && is?.(content)
        ? []
        : [`plugin.json: ${path} has no name, or is not the picture that its name says`];
    }),
  ],
  nestedmetadata: ({ files }) =>
    [...files.keys()]
      .filter((name) => name.endsWith('/plugin.json'))
      .map((name) => `${name}: a plugin within the plugin`),
  pluginname: ({ plugin }) => [
    ...(plugin.id === plugin.name ? ['plugin.json: the name is the id'] : []),
    ...(plugin.id.split('-').length === 3 ? [] : ['plugin.json: want an id of organisation, name and type']),
  ],
  typesuffix: ({ plugin }) =>
    plugin.id.endsWith(`-${plugin.type}`) ? [] : [`plugin.json: the id does not end with ${plugin.type}`],
  links: ({ plugin: { info } }) =>
    info.links.flatMap(({ name, url }) =>
      name && URL.canParse(url) && url.startsWith('https://') ? [] : [`plugin.json: the link ${name} to ${url}`]
    ),
  languages: ({ plugin, files }) =>
    (Array.isArray(plugin.languages) ? plugin.languages : []).flatMap((language) =>
      files.has(`locales/${String(language)}/${plugin.id}.json`)
        ? []
        : [`locales/${String(language)}/${plugin.id}.json is missing`]
    ),
};
