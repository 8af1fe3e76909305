import { t } from '@grafana/i18n';
import { type ComboboxOption } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type AssetInfo, type MetricInfo } from '../resources';
import { domains, severities, states, statuses, teams, type Choice } from './words';

/** What may be chosen in a filter field, narrowed to what was typed. */
export async function choicesFor(source: BelfryDataSource, field: string, typed: string): Promise<ComboboxOption[]> {
  const found = await known(source, field, typed.replace(/^!/, '')).catch(() => []);
  const all = typed.startsWith('!')
    ? found.map((c) => ({
        ...c,
        value: `!${c.value}`,
        label: t('filter.not', 'not {{word}}', { word: c.label ?? c.value }),
      }))
    : [...variablesOf(source, typed), ...found];
  return all;
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
  return assets.map((asset) => ({
    value: asset.asset,
    label: asset.asset,
    description: describeAsset(asset, source.names()),
  }));
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
    .map((m) => ({ value: m.name, label: m.name, description: describeMetric(m, language) }));
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
