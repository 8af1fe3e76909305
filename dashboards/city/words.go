package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// t is a text in both languages.
func t(en, zh string) board.Text { return board.Text{EN: en, ZH: zh} }

// dash stands in a cell that has no value.
func dash() board.Text { return board.Same("–") }

func at(v float64) *float64 { return &v }

func severityWords() []board.Word {
	return []board.Word{
		{Value: "critical", Text: t("CRITICAL", "紧急"), Colour: board.Critical},
		{Value: "warning", Text: t("Warning", "警告"), Colour: board.Warning},
		{Value: "info", Text: t("Info", "提示"), Colour: board.Info},
	}
}

func statusWords() []board.Word {
	return []board.Word{
		{Value: "open", Text: t("Open", "未处置")},
		{Value: "resolved", Text: t("Resolved", "已解除")},
	}
}

// stateWords are of the number that the worst open hazard of an asset is.
func stateWords() []board.Word {
	return []board.Word{
		{Value: "0", Text: t("OK", "正常"), Colour: board.Fine},
		{Value: "1", Text: t("Info", "提示"), Colour: board.Info},
		{Value: "2", Text: t("Warning", "警告"), Colour: board.Warning},
		{Value: "3", Text: t("CRITICAL", "紧急"), Colour: board.Critical},
	}
}

func domainWords() []board.Word {
	var out []board.Word
	for _, d := range board.Domains() {
		out = append(out, board.Word{Value: d, Text: board.DomainName(d)})
	}
	return out
}

func teamWords() []board.Word {
	var out []board.Word
	for _, d := range board.Teams() {
		out = append(out, board.Word{Value: d, Text: board.TeamName(d)})
	}
	return out
}

// yesNo is of series that are 0 or 1, with the colours of good and bad.
func yesNo(zero, one board.Text, colourOfZero, colourOfOne string) []board.Word {
	return []board.Word{{Value: "0", Text: zero, Colour: colourOfZero}, {Value: "1", Text: one, Colour: colourOfOne}}
}

// judged is fine from 0 on, and up to the rises. Without a value, as when Belfry does
// not answer, it is grey: a wall must not look calm because it knows nothing.
func judged(rises ...board.Rise) []grafana.Step {
	return board.From(board.Unknown, append([]board.Rise{{At: 0, Colour: board.Fine}}, rises...)...)
}
