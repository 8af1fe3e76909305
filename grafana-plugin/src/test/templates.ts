import { type ScopedVars, type TypedVariableModel } from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';

type Value = string | string[];

interface Variable {
  value: Value;
  /** What is chosen, where it is not the value: $__all. */
  current?: Value;
  multi?: boolean;
  includeAll?: boolean;
}

/** Replaces $name and ${name} as a dashboard of Grafana's does. */
export function templates(variables: Record<string, Variable>): TemplateSrv {
  const replace: TemplateSrv['replace'] = (target = '', scopedVars: ScopedVars = {}, format) =>
    target.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (text, braced?: string, plain?: string) => {
      const name = braced ?? plain ?? '';
      const variable = variables[name];
      const value: unknown = scopedVars[name]?.value ?? variable?.value;
      if (value === undefined) {
        return text;
      }
      return typeof format === 'function' ? format(value, { name, ...variable }) : String(value);
    });
  return {
    replace,
    getVariables: () =>
      Object.entries(variables).map(
        ([name, v]) =>
          ({ name, type: 'custom', current: { value: v.current ?? v.value } }) as unknown as TypedVariableModel
      ),
    containsTemplate: (target) => Boolean(target?.includes('$')),
    updateTimeRange: () => undefined,
  };
}
