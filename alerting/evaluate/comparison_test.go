package evaluate

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	defaults "github.com/belfry-city/belfry/rules"
)

func (c comparison) String() string {
	limit := fmt.Sprint(c.limit)
	if c.thresholds != nil {
		limit = fmt.Sprint(c.thresholds[0])
	}
	series := "?"
	if c.series != nil {
		series = c.series.String()
	}
	if c.abs {
		series = "|" + series + "|"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", series, parser.ItemTypeStr[c.op], limit, c.unit))
}

func TestConditionsOfAnExpression(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for _, test := range []struct {
		expr string
		want []string
	}{
		{`gas_co_ppm > 24`, []string{"gas_co_ppm > 24 ppm"}},
		{`24 < gas_co_ppm{zone="a"}`, []string{`gas_co_ppm{zone="a"} > 24 ppm`}},
		{`24 >= gas_co_ppm`, []string{"gas_co_ppm <= 24 ppm"}},
		{`gas_co_ppm >= -(2 * 3 + 8 / 4 - 1)`, []string{"gas_co_ppm >= -7 ppm"}},
		{`abs((structure_tilt_degrees)) > 1`, []string{"|structure_tilt_degrees| > 1 °"}},
		{`gas_o2_percent < 19.5 or gas_o2_percent > 23`, []string{"gas_o2_percent < 19.5 %", "gas_o2_percent > 23 %"}},
		{`gas_co_ppm > 1 and on(asset) well_level_m > 2`, []string{"gas_co_ppm > 1 ppm"}},
		{`gas_co_ppm > 1 unless on(asset) well_level_m > 2`, []string{"gas_co_ppm > 1 ppm"}},
		{`(gas_co_ppm > 1) * on(asset) group_left(team) asset_info`, []string{"gas_co_ppm > 1 ppm"}},
		{`asset_info * on(asset) group_right() (gas_co_ppm > 1)`, []string{"gas_co_ppm > 1 ppm"}},
		{`label_replace(gas_co_ppm > 1, "a", "b", "", "")`, []string{"gas_co_ppm > 1 ppm"}},
		{`max by (street) (gas_co_ppm > 1)`, []string{"gas_co_ppm > 1 ppm"}},
		{`1 < gas_co_ppm < 5`, []string{"gas_co_ppm > 1 ppm", "? < 5"}},
		{`avg_over_time(gas_co_ppm[5m]) > 9`, []string{"? > 9 ppm"}},
		{`sum by (street) (lamp_power_watts) < 9`, []string{"? < 9 W"}},
		{`quantile_over_time(0.9, road_water_depth_mm[5m]) > 9`, []string{"? > 9 mm"}},
		{`count by (street) (lamp_on == 0) > 9`, []string{"? > 9"}},
		{`rate(gas_co_ppm[5m]) > 9`, []string{"? > 9"}},
		{`gas_co_ppm offset 1h > 9`, []string{"? > 9 ppm"}},
		{`gas_co_ppm @ 0 > 9`, []string{"? > 9 ppm"}},
		{`100 * a / b > 9`, []string{"? > 9"}},
		{`gas_co_ppm > on(asset) group_left() asset_threshold{metric="gas_co_ppm"}`, []string{`gas_co_ppm > metric="gas_co_ppm" ppm`}},
		{`asset_threshold{metric="m"} < on(asset) group_right() gas_co_ppm`, []string{`gas_co_ppm > metric="m" ppm`}},
		{`gas_co_ppm > bool 5`, nil},
		{`count(gas_co_ppm > 5)`, nil},
		{`gas_co_ppm > well_level_m`, nil},
		{`absent(gas_co_ppm)`, nil},
		{`vector(1)`, nil},
	} {
		expr, err := p.ParseExpr(test.expr)
		require.NoError(t, err, test.expr)
		var got []string
		for _, c := range comparisons(expr) {
			got = append(got, c.String())
		}
		require.Equal(t, test.want, got, test.expr)
	}
}

// Each default rule that shows a value has its limit understood, first the
// asset's own and then the default, and the unit that the rule names. Where the
// value is that of a time and not of one sample, there is no one reading that
// broke the limit, and the unit may be known to the rule alone.
func TestConditionsOfTheDefaultRules(t *testing.T) {
	set, err := ruleset.Load(nil, defaults.FS)
	require.NoError(t, err)
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			if !rule.Alert || !strings.Contains(rule.Annotations["summary"], "$value") {
				continue
			}
			if regexp.MustCompile(`ALERTS(_FOR_STATE)?{`).MatchString(rule.Expr.String()) {
				continue // it counts alerts, and nobody sets in the catalog how many are many
			}
			found := comparisons(rule.Expr)
			require.NotEmpty(t, found, rule.Name)
			require.NotNil(t, found[0].thresholds, rule.Name)
			ofTime := regexp.MustCompile(`_over_time\(|time\(\)| offset `).MatchString(rule.Expr.String())
			for _, c := range found {
				require.Equal(t, ofTime, c.series == nil, rule.Name)
				if !ofTime || c.unit != "" {
					require.Equal(t, rule.Annotations["unit"], c.unit, rule.Name)
				}
			}
		}
	}
}

func TestLabelsThatAreNotOnTheSeries(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	expr, err := p.ParseExpr(`label_replace(count_values("v", a) * on(asset) group_left(team, street) asset_info, "x", "$1", "y", "(.*)")`)
	require.NoError(t, err)
	require.Equal(t, []string{"street", "team", "v", "x"}, madeLabels(expr))
	require.Equal(t, "a", firstSeries(expr).String())
}
