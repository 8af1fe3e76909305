import { type DataSourceJsonData } from '@grafana/data';
import { type DataQuery } from '@grafana/schema';

export const PLUGIN_ID = 'belfry-cityops-datasource';

export const KINDS = ['metrics', 'hazards', 'assets', 'events', 'anomalies', 'response'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * Words of which one is wanted; a `!` in front excludes. Nothing filters nothing.
 */
export type Filter = string[];

export const FORMATS = ['time_series', 'table', 'heatmap'] as const;
export type Format = (typeof FORMATS)[number];

export interface HazardsPart {
  /** `annotations` is what marks on panels ask for; editors do not offer it. */
  show?: 'table' | 'counts' | 'open' | 'annotations';
  by?: 'severity' | 'domain' | 'team' | 'street' | 'district' | 'rule' | 'status';
  status?: Filter;
  severity?: Filter;
  domain?: Filter;
  team?: Filter;
  street?: Filter;
  district?: Filter;
  rule?: Filter;
  asset?: Filter;
  q?: string;
  limit?: number;
}

export interface AssetsPart {
  show?: 'table' | 'map';
  domain?: Filter;
  team?: Filter;
  street?: Filter;
  district?: Filter;
  state?: Filter;
  asset?: Filter;
  q?: string;
  metrics?: Filter;
  limit?: number;
}

export interface EventsPart {
  /** `volume` is what the bars above logs ask for, and `annotations` marks on panels; editors do not offer them. */
  show?: 'logs' | 'counts' | 'volume' | 'annotations';
  kind?: Filter;
  domain?: Filter;
  team?: Filter;
  severity?: Filter;
  asset?: Filter;
  q?: string;
  limit?: number;
}

export interface AnomaliesPart {
  select?: string;
  detector?: string;
  limit?: number;
}

export interface ResponsePart {
  show?: 'summary' | 'time_to_resolve' | 'open_by_age' | 'repeats' | 'opened';
  by?: 'team' | 'street' | 'district' | 'domain' | 'severity';
  domain?: Filter;
  team?: Filter;
  street?: Filter;
  severity?: Filter;
}

/** The parts of a query that are not metrics, by kind. */
export interface Parts {
  hazards: HazardsPart;
  assets: AssetsPart;
  events: EventsPart;
  anomalies: AnomaliesPart;
  response: ResponsePart;
}
export type PartKind = keyof Parts;

export interface BelfryQuery extends DataQuery, Partial<Parts> {
  kind?: Kind;
  expr?: string;
  range?: boolean;
  instant?: boolean;
  exemplar?: boolean;
  /** Asked in Explore, which has a graph and a table. */
  explore?: boolean;
  legendFormat?: string;
  /** Colours that can be told apart, also by the colour-blind. */
  distinct?: boolean;
  /** The units that Belfry knows of the metrics. */
  units?: boolean;
  /** The shortest step, such as 30s. */
  interval?: string;
  format?: Format;
  editorMode?: 'builder' | 'code';
  /** The answer goes on by Grafana Live. */
  live?: boolean;
  /** The language of names and notices: en or zh-CN; nothing is that of the data source. */
  lang?: string;
}

export const LANGUAGES = ['auto', 'en', 'zh-CN'] as const;

export interface BelfryOptions extends DataSourceJsonData {
  /** How often series have samples, such as 15s. */
  timeInterval?: string;
  /** Of names and messages; `auto` is that of whoever looks. */
  language?: (typeof LANGUAGES)[number];
  /** Seconds until a request is given up. */
  timeout?: number;
}

/** Goes to the backend only. */
export interface BelfrySecrets {
  token?: string;
}

export const VARIABLES = ['domains', 'districts', 'streets', 'teams', 'assets', 'label_values', 'metrics'] as const;
export type VariableOf = (typeof VARIABLES)[number];

export interface BelfryVariableQuery extends DataQuery {
  of?: VariableOf;
  /** For label_values. */
  label?: string;
  /** For label_values and metrics: a selector of series. */
  select?: string;
  /** For assets. */
  q?: string;
  domain?: Filter;
  district?: Filter;
  street?: Filter;
  team?: Filter;
  /** Of the texts that are shown. */
  lang?: string;
}
