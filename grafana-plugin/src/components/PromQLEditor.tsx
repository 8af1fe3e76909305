import React, { useEffect, useRef } from 'react';
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { linter, type Diagnostic } from '@codemirror/lint';
import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { type GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useTheme2 } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { mistakes } from '../query/promql';
import { completion } from './completion';

interface Props {
  expr: string;
  source: BelfryDataSource;
  onChange: (expr: string) => void;
  onRun: (expr: string) => void;
}

/** PromQL with completion. Ctrl-Enter and Shift-Enter ask; Tab takes what is offered, and leaves where nothing is. */
export default function PromQLEditor({ expr, source, onChange, onRun }: Props) {
  const theme = useTheme2();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  // The editor outlives renders, and calls what is newest.
  const calls = useRef({ onChange, onRun });
  const first = useRef(expr);
  useEffect(() => {
    calls.current = { onChange, onRun };
  });

  useEffect(() => {
    if (!host.current) {
      return;
    }
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: view.current?.state.doc ?? first.current,
        extensions: [behaviour(source), look(theme), reporting(calls)],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [source, theme]);

  useEffect(() => {
    const shown = view.current?.state.doc.toString();
    if (view.current && shown !== undefined && shown !== expr && !view.current.hasFocus) {
      view.current.dispatch({ changes: { from: 0, to: shown.length, insert: expr } });
    }
  }, [expr]);

  return <div ref={host} data-testid="belfry-promql" />;
}

function behaviour(source: BelfryDataSource): Extension {
  const promql = new PromQLExtension().setComplete({ completeStrategy: completion(source) }).activateLinter(false);
  return [
    promql.asExtension(),
    history(),
    closeBrackets(),
    bracketMatching(),
    autocompletion({ activateOnTyping: true }),
    linter(findMistakes),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': t('code.label', 'PromQL expression') }),
    placeholder(t('code.placeholder', 'PromQL: type a metric, or ask by Ctrl-Space')),
    keymap.of([
      { key: 'Tab', run: acceptCompletion },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...defaultKeymap,
      ...historyKeymap,
    ]),
  ];
}

function findMistakes(view: EditorView): Diagnostic[] {
  return mistakes(view.state.doc.toString()).map(({ from, to }) => ({
    from,
    to,
    severity: 'error',
    message: t('code.mistake', 'This is not PromQL as Belfry reads it.'),
  }));
}

function reporting(calls: React.MutableRefObject<Pick<Props, 'onChange' | 'onRun'>>): Extension {
  const run = (view: EditorView) => {
    calls.current.onRun(view.state.doc.toString());
    return true;
  };
  return [
    EditorView.updateListener.of((update) => {
      if (update.docChanged && update.view.hasFocus) {
        calls.current.onChange(update.state.doc.toString());
      }
    }),
    EditorView.domEventHandlers({
      blur: (_, view) => {
        run(view);
      },
    }),
    Prec.highest(
      keymap.of([
        { key: 'Shift-Enter', run },
        { key: 'Mod-Enter', run },
      ])
    ),
  ];
}

function look(theme: GrafanaTheme2): Extension {
  const { colors, typography, shape, visualization } = theme;
  const color = visualization.getColorByName;
  return [
    EditorView.theme(
      {
        '&': {
          backgroundColor: colors.background.canvas,
          color: colors.text.primary,
          border: `1px solid ${colors.border.medium}`,
          borderRadius: shape.radius.default,
          fontSize: `${typography.fontSize}px`,
        },
        '&.cm-focused': { outline: `2px solid ${colors.primary.border}` },
        '.cm-content': {
          fontFamily: typography.fontFamilyMonospace,
          caretColor: colors.text.primary,
          minHeight: '32px',
        },
        '.cm-cursor': { borderLeftColor: colors.text.primary },
        '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: colors.action.selected },
        '.cm-tooltip': {
          backgroundColor: colors.background.elevated ?? colors.background.primary,
          color: colors.text.primary,
          border: `1px solid ${colors.border.medium}`,
        },
        '.cm-tooltip-autocomplete ul li[aria-selected]': {
          backgroundColor: colors.action.focus,
          color: colors.text.primary,
        },
        '.cm-completionDetail': { color: colors.text.secondary },
      },
      { dark: theme.isDark }
    ),
    syntaxHighlighting(
      HighlightStyle.define([
        { tag: tags.name, color: colors.text.primary },
        { tag: tags.labelName, color: color('blue') },
        { tag: tags.string, color: colors.success.text },
        { tag: tags.number, color: color('orange') },
        { tag: tags.keyword, color: color('purple') },
        { tag: tags.function(tags.variableName), color: color('yellow') },
        { tag: tags.operator, color: colors.text.secondary },
        { tag: tags.comment, color: colors.text.disabled, fontStyle: 'italic' },
        { tag: tags.invalid, color: colors.error.text },
      ])
    ),
  ];
}
