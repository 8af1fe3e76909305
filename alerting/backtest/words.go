package backtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/backtest/score"
	"github.com/belfry-city/belfry/internal/config"
)

// words are what a summary says, in a language.
type words struct {
	head, skipped, rows, windows, found, delay, alarms, perDay, false, note, separator, more, subtitle, judged string
}

func wordsOf(l config.Language) words {
	if l == config.LanguageChinese {
		return words{
			head: "%s：%d 行，%s，模型 %s", skipped: "，前 %d 行用于学习，不参与评判",
			rows:    "  逐行    精确率 %s  召回率 %s  F1 %s  误报率 %s  漏报率 %s\n",
			windows: "  异常段  %d 段，", found: "发现 %d 段，遗漏 %d 段", delay: "；发现延迟平均 %s，中位数 %s",
			alarms: "  告警    %d 次", perDay: "（每天 %s 次）", false: "，其中误报 %d 次%s，告警精确率 %s", note: "提示：", separator: "、", more: "及另外 %d 列",
			subtitle: "告警 %d 次%s；模型 %s", judged: "发现 %d 段异常，遗漏 %d 段；误报 %d 次%s；逐行 F1 %s；模型 %s",
		}
	}
	return words{
		head: "%s: rows: %d, of %s; model %s", skipped: ", the first %d not judged",
		rows:    "  rows     precision %s, recall %s, F1 %s, false-alarm rate %s, missed-alarm rate %s\n",
		windows: "  windows  %d: ", found: "%d found, %d missed", delay: "; delay %s on average, median %s",
		alarms: "  alarms   %d", perDay: " (%s a day)", false: ", of which false: %d%s; precision %s", note: "note: ", separator: ", ", more: " and %d more",
		subtitle: "alarms: %d%s; model %s", judged: "anomalies: %d found, %d missed; false alarms: %d%s; F1 of rows %s; model %s",
	}
}

// often says how often something is in a day, where that is known.
func (w *words) often(rate score.Ratio) string {
	if math.IsNaN(float64(rate)) {
		return ""
	}
	return fmt.Sprintf(w.perDay, figure(rate))
}

// columns names the columns, of many the first.
func (r *Result) columns(say words) string {
	const most = 3
	if n := len(r.Names); n > most {
		return strings.Join(r.Names[:most-1], say.separator) + fmt.Sprintf(say.more, n-most+1)
	}
	return strings.Join(r.Names, say.separator)
}

// WriteText says for people what a detector did with a file.
func (r *Result) WriteText(w io.Writer, file string, language config.Language) error {
	say := wordsOf(language)
	var b strings.Builder
	s := r.Tally.Summary()
	fmt.Fprintf(&b, say.head, file, r.Seen.Rows, r.columns(say), r.Kind.Name)
	if r.Skipped > 0 {
		fmt.Fprintf(&b, say.skipped, r.Skipped)
	}
	b.WriteString("\n")
	fmt.Fprintf(&b, say.alarms, s.Alarms)
	if l := s.Labels; l == nil {
		b.WriteString(say.often(s.AlarmsPerDay))
	} else {
		fmt.Fprintf(&b, say.false, l.FalseAlarms, say.often(l.FalseAlarmsPerDay), figure(l.AlarmPrecision))
	}
	b.WriteString("\n")
	if l := s.Labels; l != nil {
		fmt.Fprintf(&b, say.windows, l.Windows)
		fmt.Fprintf(&b, say.found, l.Found, l.Missed)
		if l.Found > 0 {
			fmt.Fprintf(&b, say.delay, span(l.MeanDelay), span(l.MedianDelay))
		}
		b.WriteString("\n")
		fmt.Fprintf(&b, say.rows, figure(l.Precision), figure(l.Recall), figure(l.F1), percent(l.FalseAlarmRate), percent(l.MissedAlarmRate))
	}
	for _, note := range r.Notes(language) {
		b.WriteString(say.note + note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Notes are what a user should know of how the file was read.
func (r *Result) Notes(language config.Language) []string {
	s := r.Seen
	notes := append([]string(nil), s.Guesses...)
	say := func(n int, english, chinese string, args ...any) {
		if n == 0 {
			return
		}
		if language == config.LanguageChinese {
			english = chinese
		}
		notes = append(notes, fmt.Sprintf(english, append([]any{n}, args...)...))
	}
	say(s.Missing, "missing values: %d", "缺测数值：%d 个")
	say(s.Skipped, "rows that could not be read and were left out: %d", "无法读取而略去的行：%d 行")
	const few = 10 // one of so many
	if s.Again*few > s.Rows {
		say(s.Again, "rows with the time of the row above: %d of %d. If the file holds several series, choose one by --where COLUMN=VALUE; if its times are in two columns, name both: --time-column Date,Time",
			"与上一行时间相同的行：%d 行（共 %d 行）。若文件含多个序列，请用 --where 列=值 选一个；若日期和时间分为两列，请写 --time-column Date,Time", s.Rows)
	} else {
		say(s.Again, "rows with the time of the row above: %d; models see an instant once, and these rows repeat what was said of it",
			"与上一行时间相同的行：%d 行；模型对每个时刻只看一次，这些行重复其结果")
	}
	say(s.Late, "rows up to an hour earlier than one above: %d; they repeat what was said of it. If clocks were put back there, name their zone by --timezone; else --sort puts rows in order",
		"早于上方某行不超过一小时的行：%d 行，重复其结果。若因时钟拨回，请用 --timezone 指明时区；否则可用 --sort 排序")
	say(s.Gap, "local times that never were, as clocks were put forward: %d, such as %s; they are read by the clock before",
		"因时钟拨快而不存在的本地时间：%d 个，例如 %s；按拨快前的时钟理解", s.FirstGap)
	say(s.Overlap, "local times that were twice, as clocks were put back: %d; each is the first of the two that comes after the row above",
		"因时钟拨回而出现两次的本地时间：%d 个；取晚于上一行的第一个")
	return notes
}

// WriteJSON says for programs, on a line, what a detector did with a file.
func (r *Result) WriteJSON(w io.Writer, file string) error {
	return json.NewEncoder(w).Encode(struct {
		File    string   `json:"file"`
		Model   string   `json:"model"`
		Columns []string `json:"columns"`
		Total   int      `json:"rows_total"`
		Skipped int      `json:"rows_skipped"`
		Missing int      `json:"values_missing"`
		score.Summary
		Notes []string `json:"notes,omitempty"`
	}{file, r.Kind.Name, r.Names, r.Seen.Rows, r.Skipped, r.Seen.Missing, r.Tally.Summary(), r.Notes(config.LanguageEnglish)})
}

func figure(r score.Ratio) string {
	v := float64(r)
	switch {
	case math.IsNaN(v):
		return "-"
	case v == 0 || v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 0.01:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func percent(r score.Ratio) string {
	if math.IsNaN(float64(r)) {
		return "-"
	}
	return strconv.FormatFloat(100*float64(r), 'f', 1, 64) + " %"
}

func span(r score.Ratio) string {
	d := time.Duration(float64(r) * float64(time.Second))
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}
