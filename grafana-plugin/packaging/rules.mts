import { type Entry } from './archive.mts';
import { archiveRules } from './rules-archive.mts';
import { metadataRules } from './rules-metadata.mts';
import { sourceRules } from './rules-source.mts';
import { type Plugin } from './sources.mts';

/** An archive of the plugin, and the sources that it was made of. */
export interface Subject {
  root: string;
  entries: Entry[];
  /** The platforms that it is to run on, such as linux/amd64. */
  platforms: string[];
}

export interface Archive extends Subject {
  plugin: Plugin;
  /** Files by their path below the folder at the top. */
  files: Map<string, Entry>;
  top: string;
}

/** What is wrong by one rule: nothing, if it is kept. */
export type Rule = (archive: Archive) => string[];

export interface Complaint {
  rule: string;
  text: string;
}

/**
 * The rules that can be checked here, by the names that Grafana's
 * plugin-validator gives its own. README.md of this folder says which are not.
 */
export const RULES: Record<string, Rule> = { ...archiveRules, ...metadataRules, ...sourceRules };

/** What is wrong with an archive. */
export function check(subject: Subject): Complaint[] {
  const tops = new Set(subject.entries.map((e) => e.name.split('/')[0]));
  const [top] = tops;
  if (tops.size !== 1 || !subject.entries.every((e) => e.name.includes('/'))) {
    return [{ rule: 'archive', text: `want one folder at the top; got ${[...tops].join(', ') || 'nothing'}` }];
  }
  const files = new Map(subject.entries.map((e) => [e.name.slice(top.length + 1), e]));
  let plugin: Plugin;
  try {
    plugin = JSON.parse(files.get('plugin.json')?.content.toString() ?? '');
  } catch (err) {
    return [{ rule: 'metadata', text: `plugin.json is not there or no JSON: ${String(err)}` }];
  }
  const archive = { ...subject, plugin, files, top };
  return Object.entries(RULES).flatMap(([rule, complain]) => complain(archive).map((text) => ({ rule, text })));
}
