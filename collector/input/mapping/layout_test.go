package mapping_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/input/mapping"
)

func TestLayoutsAreReadAsTheyAreWritten(t *testing.T) {
	for layout, written := range map[string]string{
		"YYYY-MM-DD HH:mm:ss": "2026-11-23 16:00:00", "D/M/YYYY h:mm A": "23/11/2026 4:00 PM", "d.M.yy H:m:s": "23.11.26 16:0:0", "YYYY-MM-DDTHH:mm:ss.SSSZZ": "2026-11-23T09:00:00.000+0100",
		"YYYY年M月D日 HH时mm分": "2026年11月23日 16时00分", "MMM D YYYY hh:mm:ss a": "Nov 23 2026 04:00:00 pm", "YYYYMMDDHHmm": "202611231600", "02.01.2006 15:04": "23.11.2026 16:00",
		"YYYY-MM-DD HH:mm:ss.SSS": "2026-11-23 16:00:00.000",
	} {
		d := decoder(t, fmt.Sprintf("\n  - {name: x, asset: '\"A\"', time: t, layout: %q, metrics: {m: 1}}\n", layout))
		require.Equal(t, "1: m{asset=\"A\"} 1 @2026-11-23T08:00:00.000Z\n", inputtest.Spell(t, d, message(fmt.Sprintf(`{"t": %q}`, written))), layout)
		require.Equal(t, "1.7954208e+09", one(t, fmt.Sprintf("time(t, %q)", layout), fmt.Sprintf(`{"t": %q}`, written)), layout)
	}
	day := decoder(t, "\n  - {name: x, asset: '\"A\"', time: t, layout: YYYY-MM-DD, metrics: {m: 1}}\n")
	require.Contains(t, inputtest.Spell(t, day, message(`{"t": "2026-11-23"}`)), "@2026-11-22T16:00:00.000Z")
}

func TestALayoutThatSaysNoTimeIsAMistakeOfTheConfiguration(t *testing.T) {
	for layout, want := range map[string]string{
		"QQ":               `belfry.yml:6: inputs.json[0].layout: want a layout of YYYY, YY, MMMM, MMM, MM, M, DD, D, HH, H, hh, h, mm, m, ss, s, .SSS, A, Z and ZZ, such as YYYY-MM-DD HH:mm:ss; "QQ" is none of them`,
		"YYYY-MM-DD ww":    `"ww" is none of them`,
		"YYYY-MM-DD h:mm":  `belfry.yml:6: inputs.json[0].layout: want year, month and day, and the hour as HH, or as h with A, such as YYYY-MM-DD HH:mm:ss; got "YYYY-MM-DD h:mm"`,
		"HH:mm":            "want year, month and day",
		"YYYY-mm-DD":       "want year, month and day",
		"2006-13-02":       "want year, month and day",
		"--":               "want year, month and day",
		"YYYY_M_D":         "want DD behind _",
		"YYYY-MM-DD mm:ss": "want year, month and day",
	} {
		_, err := mapping.New(options(t, fmt.Sprintf("\n  - name: x\n    layout: %q\n    metrics: {m: 1}\n", layout)))
		require.ErrorContains(t, err, want, layout)
		_, err = mapping.New(options(t, fmt.Sprintf("\n  - name: x\n    metrics: {m: 'time(t, %q)'}\n", layout)))
		require.ErrorContains(t, err, "belfry.yml:6: inputs.json[0].metrics.m: want an expression; got ", layout)
		require.Contains(t, one(t, "time(t, l)", fmt.Sprintf(`{"t": "x", "l": %q}`, layout)), "bad_type: metrics.m: time(t, l): time: layout: want ", layout)
	}
}

func TestANumberThatIsADateInDigitsIsThatDate(t *testing.T) {
	for written, want := range map[string]string{
		"20261123160000": "@2026-11-23T08:00:00.000Z", "20261399160000": "@2612-01-22", `"20261123160000"`: "@2026-11-23T08:00:00.000Z", "1795420800000": "@2026-11-23T08:00:00.000Z",
	} {
		for _, more := range []string{"", "layout: DD.MM.YYYY, "} {
			d := decoder(t, "\n  - {name: x, asset: '\"A\"', time: t, "+more+"metrics: {m: 1}}\n")
			require.Contains(t, inputtest.Spell(t, d, message(`{"t": `+written+`}`)), want, written)
		}
	}
}
