import { t } from '@grafana/i18n';
import { type ComboboxOption } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type AssetInfo, type MetricInfo } from '../resources';
import { domains, not, severities, states, statuses, teams, type Choice } from './words';

/** What may be chosen in a filter field, narrowed to what was typed. */
export async function choicesFor(source: BelfryDataSource, field: string, typed: string): Promise<ComboboxOption[]> {
  const fits = field === 'metrics' ? (text: string) => text === '*' || isMetric(text) : undefined;
  return withTyped(await filterChoices(source, field, typed), typed, fits);
}

/**
 * What was found, with what was typed as the last choice unless it cannot be
 * valid; what is exactly what was typed comes first.
 */
export function withTyped(
  found: ComboboxOption[],
  typed: string,
  fits: (text: string) => boolean = () => true
): ComboboxOption[] {
  const text = typed.trim();
  const exact = found.find((choice) => choice.value === text);
  if (exact) {
    return [exact, ...found.filter((choice) => choice !== exact)];
  }
  if (text === '' || !fits(text)) {
    return found;
  }
  return [...found, { value: text, label: text, description: t('filter.as-written', 'Use as written') }];
}

/** Whether a text can be the name of a metric, or is a variable. */
export function isMetric(text: string): boolean {
  return /^[a-zA-Z_:][\w:]*$/.test(text) || text.startsWith('$');
}

/** Whether a text can be the name of a label, or is a variable. */
export function isLabel(text: string): boolean {
  return /^[a-zA-Z_]\w*$/.test(text) || text.startsWith('$');
}

/** Whether a text can be a duration of PromQL, or is a variable. */
export function isDuration(text: string): boolean {
  return /^(\d+(ms|[smhdwy]))+$/.test(text) || text.startsWith('$');
}

/** Words that contain what was typed. */
export function wordChoices(words: string[], typed: string): ComboboxOption[] {
  const wanted = typed.toLowerCase();
  return words.filter((word) => word.toLowerCase().includes(wanted)).map((value) => ({ value, label: value }));
}

async function filterChoices(source: BelfryDataSource, field: string, typed: string): Promise<ComboboxOption[]> {
  const found = await known(source, field, typed.replace(/^!/, '')).catch(() => []);
  if (typed.startsWith('!')) {
    return found.map((c) => ({ ...c, value: `!${c.value}`, label: not(c.label ?? c.value) }));
  }
  const variables = variablesOf(source, typed);
  return typed === '' || typed.startsWith('$') ? [...variables, ...found] : [...found, ...variables];
}

async function known(source: BelfryDataSource, field: string, typed: string): Promise<ComboboxOption[]> {
  const { resources } = source;
  switch (field) {
    case 'severity':
      return matching(severities(), typed);
    case 'state':
      return matching(states(), typed);
    case 'status':
      return matching(statuses(), typed);
    case 'domain':
      return matching(domains(), typed);
    case 'team':
      return matching(merge(teams(), await resources.labelValues('team', 'asset_info')), typed);
    case 'street':
    case 'district':
      return matching(merge([], await resources.labelValues(field, 'asset_info')), typed);
    case 'rule':
      return matching(merge([], await resources.labelValues('alertname', 'ALERTS')), typed);
    case 'asset':
      return assetChoices(source, typed);
    case 'metrics':
      return metricChoices(source, typed);
    default:
      return [];
  }
}

/** Assets by id, name, Chinese name or pinyin initials: Belfry searches. */
export async function assetChoices(source: BelfryDataSource, typed: string): Promise<ComboboxOption[]> {
  const assets = await source.resources.assets({ q: typed });
  return assets.map((asset) => assetChoice(source, asset));
}

function assetChoice(source: BelfryDataSource, asset: AssetInfo): ComboboxOption {
  return { value: asset.asset, label: asset.asset, description: describeAsset(asset, source.names()) };
}

/** More than these are searched, as those that are not measured are left out. */
const SEARCHED = 1000;
const OFFERED = 50;

/** Of the assets that series are of, those that are found for what was typed. */
export async function measuredChoices(
  source: BelfryDataSource,
  typed: string,
  select?: string
): Promise<ComboboxOption[]> {
  const { resources } = source;
  const measured = select ? await resources.labelValues('asset', select).catch(() => []) : [];
  if (measured.length === 0) {
    return assetChoices(source, typed);
  }
  const wanted = new Set(measured);
  const assets = (await resources.assets({ q: typed, limit: SEARCHED })).filter((a) => wanted.delete(a.asset));
  // The search may have been cut before it came to these.
  const others = wordChoices([...wanted], typed);
  return [...assets.map((asset) => assetChoice(source, asset)), ...others].slice(0, OFFERED);
}

/** A selector whose labels and values can be asked for: one of something, without variables. */
export function askable(select: string): string | undefined {
  return select === '' || select === '{}' || select.includes('$') ? undefined : select;
}

export function describeAsset(asset: AssetInfo, language: string): string {
  const names = language === 'zh-CN' ? [asset.name_zh, asset.name] : [asset.name, asset.name_zh];
  return [...names, asset.street].filter((text) => text).join(' · ');
}

export async function metricChoices(source: BelfryDataSource, typed: string): Promise<ComboboxOption[]> {
  const language = source.names();
  const wanted = typed.toLowerCase();
  const metrics = await source.resources.metrics();
  return metrics
    .filter((m) => `${m.name} ${m.help ?? ''} ${m.help_zh ?? ''}`.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b))
    .map((m) => ({ value: m.name, label: m.name, description: describeMetric(m, language) }));
}

/** Readings of the city first, then what at least is explained. */
function rank({ domain, help, help_zh }: MetricInfo): number {
  if (domain) {
    return 0;
  }
  return help || help_zh ? 1 : 2;
}

export function describeMetric(metric: MetricInfo, language: string): string {
  const help = language === 'zh-CN' ? metric.help_zh || metric.help : metric.help || metric.help_zh;
  return [help, metric.unit].filter((text) => text).join(' · ');
}

function matching(choices: Choice[], typed: string): ComboboxOption[] {
  const wanted = typed.toLowerCase();
  return choices.filter((c) => `${c.value} ${c.label}`.toLowerCase().includes(wanted));
}

function merge(named: Choice[], values: string[]): Choice[] {
  const others = values.filter((value) => value !== '' && !named.some((c) => c.value === value));
  return [...named, ...others.map((value) => ({ value, label: value }))];
}

function variablesOf(source: BelfryDataSource, typed: string): ComboboxOption[] {
  return source.templates
    .getVariables()
    .map((variable) => `$${variable.name}`)
    .filter((text) => text.includes(typed))
    .map((value) => ({ value, label: value, description: t('filter.variable', 'variable of the dashboard') }));
}
