package mapping_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
)

func TestTextIsJoinedWithNumbers(t *testing.T) {
	for expression, want := range map[string]string{
		`sid + "-" + code`: "S-7", `sid + code`: "S7", `code + sid`: "7S", `code + code`: "14", `sid + long`: "S12345678901234567890123", `sid + part`: "S1.5",
	} {
		d := decoder(t, fmt.Sprintf("\n  - {name: x, asset: %q, labels: {l: %q}, metrics: {m: 1}}\n", expression, expression))
		got := inputtest.Spell(t, d, message(`{"sid": "S", "code": 7, "part": 1.5, "long": 12345678901234567890123}`))
		require.Equal(t, fmt.Sprintf("1: m{asset=%q,l=%q} 1 @2026-11-23T08:00:00.000Z\n", want, want), got, expression)
	}
	require.Equal(t, "5", one(t, `{"S7": 5}[sid + code]`, `{"sid": "S", "code": 7}`))
	d := decoder(t, "\n  - {name: x, asset: 'sid + code', metrics: {m: 1}}\n")
	require.Contains(t, inputtest.Spell(t, d, message(`{"code": 7}`)), "missing: asset: there is no sid + code", "and what is missing stays so")
	require.Contains(t, inputtest.Spell(t, d, message(`{"sid": [1], "code": 7}`)), "bad_type")
}

// However an expression makes texts of texts, memory and time have an end.
func TestTextsThatExpressionsMakeAreBounded(t *testing.T) {
	body := `{"l": [` + strings.Repeat("1,", 3000) + `1], "text": "` + strings.Repeat("x", 900<<10) + `", "short": "` + strings.Repeat("x", 9<<10) + `"}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, expression := range []string{
		`len(reduce(l, #acc + #acc, "x"))`, `len(map(l, text + "y"))`, `len(text + text)`, `len(replace(text, "x", text))`, `len(map(l, replace(text, "x", "y")))`,
		`len(join(map(l, text), ","))`, `len(map(l, upper(text)))`, `len(map(l, string(text)))`, `len(replace(text, "", short))`, `len(replace(text, "x", short, 500))`,
	} {
		require.Equal(t, "body_too_large: the expressions take too long for a message of this size; the rest of it is not taken", one(t, expression, body), expression)
		labelled := decoder(t, fmt.Sprintf("\n  - {name: x, asset: '\"A\"', labels: {l: %q}, metrics: {m: 1}}\n", expression))
		require.Contains(t, inputtest.Spell(t, labelled, message(body)), "body_too_large", expression)
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<30), "a hundred megabytes for each message")
	for expression, want := range map[string]string{
		`len(reduce(l, #acc + "y", "x"))`: "3002", `len(replace(short, "x", "yy"))`: "18432", `len(join(["a", "b"], ", "))`: "4", `len(join(split("a,b", ",")))`: "2",
		`len(replace("aaa", "a", "bb", 1))`: "4", `len(upper(short))`: "9216",
	} {
		require.Equal(t, want, one(t, expression, body), expression)
	}
	require.Contains(t, one(t, `len(join(l))`, body), "bad_type")
	require.Contains(t, one(t, `len(replace(none, "a", "b"))`, body), "missing: there is nothing in it")
}

func TestATextWhereAnObjectIsMeantIsSaidInPlainWords(t *testing.T) {
	require.Equal(t, "bad_type: metrics.m: data.rpm: there is text or a list where an object is meant, at column 6", one(t, "data.rpm", `{"data": "x"}`))
	require.Equal(t, "bad_type: metrics.m: data.rpm: there is text or a list where an object is meant, at column 6", one(t, "data.rpm", `{"data": [1]}`))
}

func TestADecoderSaysWhichLabelsItDoesNotFind(t *testing.T) {
	var notes []string
	d := decoder(t, "\n  - {name: x, asset: '\"A\"', labels: {site: siteId, kind: type, note: note}, metrics: {m: 1}}\n").Trace(func(n input.Note) {
		notes = append(notes, fmt.Sprintf("%s %s %s", n.Why, n.Field, n.Detail))
	})
	require.Equal(t, "1: m{asset=\"A\",kind=\"k\"} 1 @2026-11-23T08:00:00.000Z\n", inputtest.Spell(t, d, message(`{"type": "k", "note": ""}`)))
	require.Equal(t, []string{"missing labels.site siteId", "missing labels.note note"}, notes)
}
