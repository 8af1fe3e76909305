package query

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const legendAuto = "__auto"

func legendLabel() *regexp.Regexp { return regexp.MustCompile(`\{\{\s*(.+?)\s*\}\}`) }

// legend is the name of a series by the format; empty: Grafana finds one.
func legend(format, expr string, labels map[string]string) string {
	switch {
	case format == legendAuto && len(labels) > 0:
		return ""
	case format == legendAuto:
		return expr
	case format != "":
		// A value is put in as it is: it is not looked at for braces again.
		re := legendLabel()
		return re.ReplaceAllStringFunc(format, func(found string) string {
			return labels[re.FindStringSubmatch(found)[1]]
		})
	}
	if name := seriesName(labels); name != "{}" {
		return name
	}
	return expr
}

// seriesName is a series as PromQL writes it.
func seriesName(labels map[string]string) string {
	var b strings.Builder
	b.WriteString(labels["__name__"])
	var rest []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			rest = append(rest, name+"="+strconv.Quote(labels[name]))
		}
	}
	if len(rest) > 0 || b.Len() == 0 {
		b.WriteString("{" + strings.Join(rest, ", ") + "}")
	}
	return b.String()
}

// shortName is what Grafana calls a series of which nothing else is said, if it can
// choose: the value of the only label, or the whole.
func shortName(labels map[string]string) string {
	others := maps.Clone(labels)
	delete(others, "__name__")
	if len(others) == 1 {
		for _, only := range others {
			if only != "" {
				return only
			}
		}
	}
	return seriesName(labels)
}
